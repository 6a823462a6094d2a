"""The Flask webhook agent."""
