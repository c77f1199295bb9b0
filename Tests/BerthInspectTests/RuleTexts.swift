/// The exact texts of findings, as `RuleSceneTests` finds them on the live kernel; ports, numbers of processes and times
/// are replaced by words.
enum RuleTexts {
    static let texts: [String: String] = [
        "B005": """
        warning[B005]: 2 processes listen on 127.0.0.1:PORT, each gets about 1 in 2 connections: python3 (pid \
        N, user root) and python3 (pid N, user root)
        evidence: 2 listening sockets with this address (sock_diag: LISTEN)
        evidence: no common parent of the same program (/proc/PID/stat)
        means: SO_REUSEPORT lets a second copy of a server start without an error, and the kernel splits the \
        clients by a hash.
        fix: 1. end the one that is not meant: kill PID
             2. without SO_REUSEPORT a second start would fail (Berth: reuse policy after-time-wait)
        verify: berth why PORT
        confidence: likely; wrong if a supervisor started them as workers of one service
        """,
        "B006": """
        error[B006]: 127.0.0.1:PORT of python3 (pid N, user root) dropped N connection attempts in N s: its \
        accept queue is full (2 of 1)
        evidence: queue 2 of 1, drops N since it listens (sock_diag: LISTEN)
        evidence: ListenOverflows +N; counts events in this network namespace, not only of one server \
        (/proc/net/netstat)
        means: the kernel ignores a client's SYN while the queue is full: clients hang and try again after 1, \
        2, 4 … seconds; they are not refused.
        fix: 1. accept faster: see whether the server is stuck (B010) or out of descriptors (B009)
             2. ask for more when listening: listen(fd, 4096) instead of 1
        verify: berth check PORT --for 10s
        confidence: certain
        """,
        "B007": """
        note[B007]: 127.0.0.1:PORT of python3 (pid N, user root) has a backlog of 64, which is all that \
        net.core.somaxconn gives
        evidence: backlog 64 (sock_diag: LISTEN)
        evidence: 64 (/proc/sys/net/core/somaxconn)
        means: listen(2) cuts a larger number silently; 65 connections may wait, then SYNs are dropped.
        fix: raise it and restart the server: sysctl -w net.core.somaxconn=4096
        verify: berth check PORT
        confidence: likely; wrong if the server asked for exactly 64
        """,
        "B009": """
        error[B009]: python3 (pid N, user root) uses 64 of 64 descriptors; 3 connections wait that it cannot \
        accept
        evidence: 64 open (stat("/proc/PID/fd"))
        evidence: soft limit 64, hard limit 128 (/proc/PID/limits)
        means: accept, connect and open fail with EMFILE; what waits in the accept queue stays there, and a \
        loop that polls it spins.
        fix: 1. raise its limit now: prlimit --pid N --nofile=128 (LimitNOFILE= in its unit for good)
             2. bound the connections that are taken at a time below the limit
        verify: ls /proc/PID/fd | wc -l
        confidence: certain
        """,
        "B010": """
        error[B010]: 3 connections wait at 127.0.0.1:PORT of python3 (pid N, user root); none was accepted for N s
        evidence: accept queue 3 of 16 (sock_diag: LISTEN)
        evidence: the same connections waited at the beginning and at the end (sock_diag: inode 0)
        evidence: its threads wait in anon_pipe_read (/proc/PID/task/*/wchan)
        means: the kernel has made the connections, so clients believe they are connected, and wait.
        fix: 1. see what it does: cat /proc/PID/task/*/stack (root), or its profiler
             2. do not block the thread that accepts; Berth reports a handler that does
        verify: berth check PORT --for 5s
        confidence: certain
        """,
        "B011": """
        warning[B011]: python3 (pid N, user root) keeps 24 connections that the client has ended, the oldest \
        for N s
        evidence: 24 CLOSE_WAIT, 0 bytes of them unread; one of them is 127.0.0.1:PORT with 127.0.0.1:PEER \
        (sock_diag)
        evidence: 24 of them were there N s before (sock_diag)
        means: CLOSE_WAIT has no time limit: it lasts until the process closes its socket, and holds a descriptor.
        fix: 1. in the server, close when a read returns 0 bytes (Berth: return from the handler)
             2. until then, restart it: it is pid N
        verify: ss -Htn state close-wait | wc -l
        confidence: likely; wrong if it still sends to clients that have only shut their sending half
        """,
        "B013": """
        warning[B013]: 20 of 22 local ports towards 127.0.0.1:PORT are in use (0 TIME_WAIT)
        evidence: 20 connections from 127.0.0.1 (sock_diag)
        evidence: 20000 to 20021 (/proc/sys/net/ipv4/ip_local_port_range)
        means: from one address to one server there is a connection for each local port at most; the next \
        connect fails with EADDRNOTAVAIL.
        fix: 1. reuse connections (a pool, keep-alive) instead of one for each request
             2. let TIME_WAIT ports be taken again: sysctl -w net.ipv4.tcp_tw_reuse=1
             3. widen the range: sysctl -w net.ipv4.ip_local_port_range='10240 65535'
        verify: ss -Htan dst 127.0.0.1:PORT | wc -l
        confidence: certain
        """,
        "B014": """
        warning[B014]: 4 connections were reset in N s because they were closed with input unread
        evidence: TCPAbortOnClose +4; counts events in this network namespace, not only of one server \
        (/proc/net/netstat)
        means: the peer gets an RST, which throws away what it has not read yet: the last reply may be lost.
        fix: end politely: shutdown(fd, SHUT_WR), read to the end with a time limit, then close (Berth: finish, \
        the default)
        verify: berth check --for 10s
        confidence: certain
        """,
        "B015": """
        warning[B015]: 2 connections were reset in N s by SO_LINGER 0; python3 (pid N, user root) has SO_LINGER \
        on with N s on 127.0.0.1:PORT
        evidence: TCPAbortOnData +2; counts events in this network namespace, not only of one server \
        (/proc/net/netstat)
        evidence: SO_LINGER on with N s on 127.0.0.1:PORT (getsockopt on a duplicate of its descriptor)
        means: closing sends an RST instead of a FIN and throws away what is not sent or not read yet.
        fix: remove the option; TIME_WAIT is no fault (berth explain time-wait)
        verify: berth check --for 10s
        confidence: certain
        """,
        "B016": """
        warning[B016]: SIGPIPE is not ignored in python3 (pid N, user root), and 1 client has ended its connection
        evidence: bit 12 is in none of SigBlk, SigIgn and SigCgt (/proc/PID/status)
        evidence: 1 CLOSE_WAIT (sock_diag)
        means: the second write to a client that is gone raises SIGPIPE, which ends the whole process.
        fix: send with MSG_NOSIGNAL, or ignore the signal: signal(SIGPIPE, SIG_IGN) (Berth does)
        verify: grep Sig /proc/PID/status
        confidence: possible; wrong if it sends with MSG_NOSIGNAL, which cannot be seen from outside
        """,
        "B017": """
        error[B017]: a listener on 127.0.0.1:PORT was closed with 1 connection in its queue, which was reset
        evidence: 1 listener of this address now (sock_diag: LISTEN)
        evidence: 0 (/proc/sys/net/ipv4/tcp_migrate_req)
        means: each listener of a SO_REUSEPORT group has a queue of its own, and closing it resets what waits \
        there.
        fix: 1. let the kernel hand the queue over: sysctl -w net.ipv4.tcp_migrate_req=1
             2. or share one listener between the workers
        verify: berth check PORT --for 10s
        confidence: likely; wrong if it accepted them just before it closed
        """,
        "B018": """
        warning[B018]: 1 peer of python3 (pid N, user root) does not answer any more, for up to N s, with data \
        waiting for it
        evidence: retransmitting with backoff N; one of them is 127.0.0.1:PORT with 127.0.0.1:PEER (sock_diag: \
        TCP_INFO)
        means: the kernel goes on for about 15 minutes (tcp_retries2) before it tells the program.
        fix: 1. bound it: setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000) (Berth's default)
             2. see whether the network is there: ping the peer
        verify: ss -Htno state established | grep timer:.on
        confidence: likely; wrong if the network is only slow and the peer answers yet
        """,
        "B019": """
        warning[B019]: 1 peer of python3 (pid N, user root) does not read; SIZE wait in the kernel
        evidence: the peer's window is closed and probed; one of them is 127.0.0.1:PORT with 127.0.0.1:PEER \
        (sock_diag: timer persist)
        means: the program's next write waits, or its own buffers grow.
        fix: 1. bound how long a write may wait and end such peers (Berth: stallLimit)
             2. keep less unsent: TCP_NOTSENT_LOWAT
        verify: ss -Htno | grep timer:.persist
        confidence: certain
        """,
        "B020": """
        warning[B020]: 1 connection of python3 (pid N, user root) waits 40 ms for acknowledgements between \
        small writes
        evidence: DelayedACKs +N; counts events in this network namespace, not only of one server \
        (/proc/net/netstat)
        evidence: segments of less than 536 bytes on 127.0.0.1:PEER with 127.0.0.1:PORT (sock_diag: TCP_INFO)
        evidence: TCP_NODELAY off (getsockopt on a duplicate of its descriptor)
        means: Nagle's algorithm holds a small segment back until the one before is acknowledged, and the peer \
        delays that for 40 ms.
        fix: 1. write a message in one call (writev, or a buffer)
             2. or set TCP_NODELAY (Berth does)
        verify: berth check --for 2s
        confidence: likely; wrong if the program itself sends that slowly
        """,
        "B023": """
        error[B023]: 127.0.0.1:PORT of python3 (pid N, user root) stopped listening with 3 connections in its \
        queue, which were reset
        evidence: listening with 3 waiting, then gone (sock_diag)
        evidence: OutRsts +N; counts events in this network namespace, not only of one server (/proc/net/snmp)
        means: the kernel had accepted these clients; closing the listener resets them.
        fix: 1. stop in this order: leave the load balancer, accept until the queue is empty, close, drain \
        (Berth's drain does)
             2. or let a supervisor hold the listener, so that it is never closed
        verify: berth check PORT --for 10s
        confidence: likely; wrong if it accepted them just before it closed
        """,
    ]
}
