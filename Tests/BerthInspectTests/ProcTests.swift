import BerthSockets
import BerthSystem
import Testing

@testable import BerthInspect

@Suite("The files of /proc are read defensively")
struct ProcTests {
    static let stat =
        "4112 (a ) (b) S 1 4100 4000 0 -1 4194304 98 0 1 0 0 0 0 0 20 0 1 0 169297 3133440 360 1844674407370955161"

    @Test("a process name may hold parentheses and spaces")
    func processStat() throws {
        let stat = try #require(ProcessStat(Self.stat))
        #expect(stat.name == "a ) (b")
        #expect(stat.parent == 1)
        #expect(stat.group == 4100)
        #expect(stat.session == 4000)
        #expect(stat.startTicks == 169_297)
    }

    @Test("a stat that is cut or is none says nothing", arguments: ["", "4112", "4112 (a", "1 (a) S 1", ")1 (", "() "])
    func brokenStat(text: String) { #expect(ProcessStat(text) == nil) }

    @Test("users, capabilities and arguments")
    func status() {
        let status = "Name:\tpython3\nUid:\t1000\t1001\t1000\t1000\nCapEff:\t00000000a80425fb\n"
        #expect(ProcessStat.effectiveUser(status: status) == 1001)
        #expect(ProcessStat.effectiveCapabilities(status: status) == 0xa804_25fb)
        #expect(ProcessStat.effectiveUser(status: "Uid:") == nil)
        #expect(ProcessStat.arguments(cmdline: Array("nc\0-l\0\0".utf8)) == ["nc", "-l"])
        #expect(ProcessStat.arguments(cmdline: []) == [])
        #expect(ProcessStat.uptime("1234.56 99.0\n") == 1_234_560_000_000)
        #expect(ProcessStat.uptime("nan") == nil)
    }

    @Test("names of users, the first line of a number counting")
    func users() {
        let users = UserNames(
            passwd: "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbroken\n:x:7:7\nweb:x:33:33\n")
        #expect(users[0] == "root")
        #expect(users[33] == "web")
        #expect(users[7] == "7")
    }

    static let id = String(repeating: "0123456789abcdef", count: 4)

    @Test(
        "the unit or container of a control group",
        arguments: [
            ("0::/system.slice/web.service\n", "unit web.service"),
            ("12:pids:/user.slice\n0::/system.slice/ssh.service/sub\n", "unit ssh.service"),
            ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", "user unit web.service"),
            ("0::/user.slice/user-1000.slice/session-3.scope", nil),
            ("0::/user.slice/user-1000.slice/user@1000.service/init.scope", nil),
            ("0::/system.slice/docker-\(id).scope", "docker container 0123456789ab"),
            ("5:cpu:/docker/\(id)", "docker container 0123456789ab"),
            ("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-\(id).scope", "containerd container 0123456789ab"),
            ("0::/machine.slice/libpod-\(id).scope/container", "podman container 0123456789ab"),
            ("0::/lxc/web", "lxc container web"), ("0::/", nil), ("", nil), ("0:", nil),
        ] as [(String, String?)])
    func controlGroup(text: String, expected: String?) {
        #expect(ServiceUnit(cgroup: text)?.description == expected)
    }

    @Test("the Unix sockets of a name, listeners first")
    func unixSockets() {
        let table = UnixSocketTable(
            text: """
                Num       RefCount Protocol Flags    Type St Inode Path
                0000000000000000: 00000002 00000000 00000000 0001 01 20 /run/app.sock
                0000000000000000: 00000002 00000000 00010000 0001 01 10 /run/app.sock
                0000000000000000: 00000002 00000000 00010000 0001 01 30 /run/with space
                0000000000000000: 00000002 00000000 00010000 0001 01 40 @na@me
                0000000000000000: 00000003 00000000 00000000 0001 03 50
                half a line
                """)
        #expect(table.records(at: .unix(path: "/run/app.sock")).map(\.inode) == [10, 20])
        #expect(table.records(at: .unix(path: "/run/with space")).map(\.inode) == [30])
        #expect(table.records(at: .abstract(name: Array("na\0me".utf8))).map(\.inode) == [40])
        #expect(table.records(at: .unix(path: "/run/none")).isEmpty)
    }

    @Test("the target of a descriptor")
    func descriptors() {
        #expect(ProcessTable.socketInode(Array("socket:[4711]".utf8).span) == 4711)
        let huge = "socket:[99999999999999999999]"
        for target in ["/dev/null", "socket:[", "socket:[x]", "socket:[]", "pipe:[4711]", "", huge] {
            #expect(ProcessTable.socketInode(Array(target.utf8).span) == nil)
        }
    }

    @Test("texts from outside cannot disturb a terminal")
    func printable() {
        #expect(Printable("a\u{1b}[31mb\nc\u{202e}d ü").description == "a\\u{1b}[31mb\\nc\\u{202e}d ü")
        #expect(Printable(commandLine: ["a b", "", "it's", "x=1"]).description == "'a b' '' 'it'\\''s' x=1")
        #expect(Printable(commandLine: ["abcdef"], limit: 3).description == "abc…")
    }

    @Test(
        "durations for people",
        arguments: [
            (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 days"),
        ])
    func durations(seconds: Int, words: String) {
        #expect(Duration.seconds(seconds).words == words)
        #expect((Duration.seconds(seconds) - .milliseconds(1)).wordsRoundedUp == words || seconds % 60 == 0)
    }

    @Test("a time of another day comes with its date")
    func times() {
        let yesterday = LocalTime(year: 2026, month: 1, day: 9, hour: 23, minute: 5, second: 7)
        let today = LocalTime(year: 2026, month: 1, day: 10, hour: 0, minute: 0, second: 0)
        #expect(yesterday.words(on: today) == "2026-01-09 23:05:07")
        #expect(yesterday.words(on: yesterday) == "23:05:07")
    }

    @Test("the sockets of another network are read from its files, of both families; lines that are none are skipped")
    func networkFile() {
        let file = NetworkFile(
            text: """
                  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
                   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100
                   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 \
                00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
                   2: 0100007F:XXXX 00000000:0000 0A
                   3: 01:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100
                """)
        #expect(
            file.records.map { "\($0.local) \($0.state) \($0.user) \($0.inode)" } == [
                "127.0.0.1:8080 10 1000 4711", "[::1]:80 10 0 4712",
            ])
    }
}
