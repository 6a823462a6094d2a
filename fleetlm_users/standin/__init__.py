"""The embedded FleetLM: a process of its own on asyncio. Imports only protocol."""
