"""Webhooks to the agent, and the built-in agent."""
