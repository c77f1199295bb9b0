import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("Rules say what is wrong with real servers", .enabled(if: PrivateNetwork.isAvailable))
struct RuleSceneTests {
    /// A text without ports, process numbers, times and sizes that the machine chooses.
    static func steady(_ text: String, port: UInt16) -> String {
        var result = text.replacing(":\(port)", with: ":PORT").replacing(" \(port)", with: " PORT")
        result = result.replacing(#/\b(127\.0\.0\.1):\d+/#, with: { "\($0.output.1):PEER" })
        result = result.replacing(#/pid \d+/#, with: "pid N").replacing(#/\/proc\/\d+\//#, with: "/proc/PID/")
        result = result.replacing(#/(kill|--pid) \d+/#, with: { "\($0.output.1) PID" })
        result = result.replacing(#/\b\d+(\.\d)? s\b/#, with: "N s").replacing(#/\b[\d.]+ [KM]iB\b/#, with: "SIZE")
        result = result.replacing(#/(OutRsts|DelayedACKs|ListenOverflows) \+\d+/#, with: { "\($0.output.1) +N" })
        // A client that is ignored tries again, as often as there is time.
        result = result.replacing(#/dropped \d+ connection attempts/#, with: "dropped N connection attempts")
        return result.replacing(#/drops \d+ since/#, with: "drops N since").replacing(
            #/backoff \d+/#, with: "backoff N")
    }

    @Test("a fault that is really there is found, with the exact text", arguments: RuleScene.sick)
    func sick(scene: RuleScene) async throws {
        let (report, port) = try await inPrivateNetwork { try scene.check() }
        let codes = report.findings.map(\.code.rawValue)
        let finding = try #require(report.findings.first { $0.code.rawValue == scene.code }, "found \(codes)")
        #expect(Self.steady(finding.description, port: port) == RuleTexts.texts[scene.code ?? ""])
        // What follows from the fault may be told, too; nothing else may.
        let also: [String: Set<String>] = [
            "B006": ["B010"], "B009": ["B010"], "B011": [], "B017": ["B010", "B006"], "B015": ["B014"],
        ]
        #expect(Set(codes).subtracting([scene.code ?? ""]).isSubset(of: also[scene.code ?? ""] ?? []))
    }

    @Test("its healthy twin yields nothing", arguments: RuleScene.healthy)
    func healthy(scene: RuleScene) async throws {
        let (report, _) = try await inPrivateNetwork { try scene.check() }
        #expect(report.findings.map(\.description) == [])
        #expect(report.checked >= 18)
    }
}
