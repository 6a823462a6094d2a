"""Reading a log of strace."""

from benchmarks.running.system_calls import Calls, seen

LOG = """\
100 10.000000 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3
100 20.000000 epoll_wait(4,  <unfinished ...>
101 20.100000 sendto(14, "abc"..., 216, 0, NULL, 0) = 216
100 20.200000 <... epoll_wait resumed>[{events=EPOLLIN, data={u32=14}}], 64, 596) = 1
100 20.300000 recvmsg(14, {msg_name=0x7fff}, 0) = -1 EAGAIN (Resource temporarily unavailable)
100 20.400000 recvmsg(14,  <unfinished ...>
100 20.500000 <... recvmsg resumed>{msg_iov=[{iov_base="HTTP/1.1 200 = 7"}]}, 0) = 1024
100 20.600000 exit_group(0) = ?
100 30.000000 write(1, "end", 3) = 3
"""


def test_calls_between_two_moments_and_the_bytes_that_they_moved():
    """A call that was interrupted by another thread's is one; its bytes are known when it returns."""
    assert seen(LOG.splitlines(keepends=True), 20.0, 30.0) == Calls(5, 216 + 1024)
