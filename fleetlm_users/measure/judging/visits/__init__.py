"""Sessions that arrive at a rate: whether their counts agree, and whether the rate was the planned one."""
