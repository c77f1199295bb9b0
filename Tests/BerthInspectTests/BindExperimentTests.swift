import BerthInspect
import BerthSockets
import BerthSystem
import TestSupport
import Testing

@Suite("The bind predictor agrees with the kernel for TCP and UDP", .enabled(if: PrivateNetwork.isAvailable))
struct BindExperimentTests {
    @Test("in every case: both families, options of both sides, states, same and other user")
    func everyCase() async throws {
        let cases = BindCase.all(.tcp) + BindCase.all(.udp)
        #expect(cases.count == 9_216)
        let outcomes = try await onOwnThread { try BindExperiment.runPrivately(cases) }
        #expect(outcomes.count == cases.count)
        let wrong = outcomes.filter { !$0.agrees }
        #expect(wrong.isEmpty, "\(wrong.count) disagree, among them \(wrong.prefix(10).map(BindMatrix.words))")
    }
}
