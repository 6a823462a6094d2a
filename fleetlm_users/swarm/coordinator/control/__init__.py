"""Changes of the load during a run: the number of users, and the speed of their timetables."""
