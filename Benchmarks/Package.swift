// swift-tools-version: 6.2
// Berth as a peer among peers: the server that `Benchmarks/run` measures. The other peers are in `peers/`, and are built
// by `Benchmarks/build`; SwiftNIO among them is a package of its own, which this one does not resolve.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let package = Package(
    name: "berth-benchmarks",
    dependencies: [.package(name: "berth", path: "..", traits: [])],
    targets: [
        .executableTarget(
            name: "berth-peer", dependencies: [.product(name: "Berth", package: "berth")], swiftSettings: settings)
    ]
)
