"""What the cluster runs: the mixed workload, or a behaviour of your own in its place."""

from fleetlm_users import BurstUser, ChurnUser, InboxWatcher, LongLivedUser, install

install("mixed", [LongLivedUser, BurstUser, ChurnUser, InboxWatcher])
