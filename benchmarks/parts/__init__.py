"""Programs that measure one part of this project alone; each is run by itself."""
