import BerthSystem
import TestSupport
import Testing

/// Whether process namespaces may be made here.
private let canHaveNamespace = (try? run("unshare", ["--pid", "--fork", "true"]).end) == .exited(code: 0)

// As the first process of a container: a process namespace of its own, whose orphans are its children.
@Suite("As process 1", .serialized, .enabled(if: canHaveNamespace))
struct FirstProcessTests {
    /// Starts `berth` as process 1, and says when so many of its workers are ready. `init` is its number outside.
    private static let begin = """
        import atexit, os, signal, socket, subprocess, sys, time
        count, *command = sys.argv[1:]
        p = subprocess.Popen(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] + command,
            stderr=subprocess.PIPE, text=True)
        atexit.register(p.kill)
        said = []
        while sum('is ready' in line for line in said) < int(count): said.append(p.stderr.readline())
        init = int(open(f'/proc/{p.pid}/task/{p.pid}/children').read().split()[0])
        def children():
            found = {}
            # Each thread has children of its own.
            lists = [open(f'/proc/{init}/task/{thread}/children').read() for thread in os.listdir(f'/proc/{init}/task')]
            for pid in ' '.join(lists).split():
                try: found[int(pid)] = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[0]
                except OSError: pass
            return found
        def wait(is_so):
            end = time.monotonic() + 240
            while not is_so() and time.monotonic() < end: time.sleep(0.01)
            return is_so()
        print('as process', open(f'/proc/{init}/status').read().split('NSpid:')[1].split()[1])

        """

    @Test("reaps the children of others, and passes on that it is to end")
    func reaps() async throws {
        try await onOwnThread {
            // Each program leaves a child behind whose parent has ended: first it lives, then it would be a zombie.
            let script =
                Self.begin + """
                    print('orphans reaped', wait(lambda: len(children()) == 2))
                    os.kill(init, signal.SIGTERM)
                    print(p.wait(), p.stderr.read().count('has left'))
                    """
            let program = """
                import os, signal, subprocess
                signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
                subprocess.run(['sh', '-c', 'sleep 0.8 &'])
                os.write(int(os.environ['READY_FD']), b'\\n')
                while True: signal.pause()
                """
            let said = try run(
                "python3",
                [
                    "-c", script, "2", try Program.buildDirectory() + "/berth", "run", "--listen", "127.0.0.1:0",
                    "--workers", "2", "--ready", "line", "--control", "none", "--", "python3", "-c", program,
                ])
            #expect(said.standard == "as process 1\norphans reaped True\n0 2\n", "\(said.error)")
        }
    }

    @Test("serves, replaces a worker that was killed, and drains at SIGTERM")
    func serves() async throws {
        try await onOwnThread {
            let script =
                Self.begin + """
                    port = next(l for l in said if ' on 127.0.0.1:' in l).split(' on 127.0.0.1:')[1].split()[0]
                    def ask(text):
                        s = socket.create_connection(('127.0.0.1', int(port))); s.sendall(text); return s, s.recv(100)
                    before = set(children())
                    os.kill(min(before), signal.SIGKILL)
                    print(wait(lambda: len(children()) == 2 and set(children()) != before), 'Z' in children().values())
                    stays, answer = ask(b'hello'); print(answer)
                    os.kill(init, signal.SIGTERM)
                    print(stays.recv(100), p.wait())
                    """
            let said = try run(
                "python3",
                [
                    "-c", script, "2", try Program.buildDirectory() + "/berth", "serve", "127.0.0.1:0", "--service",
                    "echo",
                    "--model", "process-pool", "--workers", "2", "--control", "none",
                ])
            #expect(said.standard == "as process 1\nTrue False\nb'hello'\nb'' 0\n", "\(said.error)")
        }
    }
}
