"""Sessions that arrive at a rate: whether their books agree, and whether the rate was the planned one."""
