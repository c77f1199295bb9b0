// swift-tools-version: 6.2
// Berth: TCP services for Linux. `docs/architecture.md` explains the targets and their order.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    // Debug builds can make a chosen system call fail (`SyscallFaults`); release builds carry none of it.
    .define("BERTH_FAULTS", .when(configuration: .debug)),
]

let package = Package(
    name: "berth",
    products: [
        .library(name: "Berth", targets: ["Berth"]),
        .library(name: "BerthTesting", targets: ["BerthTesting"]),
        .executable(name: "berth", targets: ["BerthCommand"]),
    ],
    traits: [
        .trait(name: "Command", description: "The `berth` command and the packages that only it needs."),
        .trait(name: "Logging", description: "Reports server events to a swift-log Logger."),
        .default(enabledTraits: ["Command"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", .upToNextMinor(from: "0.2.0")),
    ],
    targets: [
        // Each target imports only those above it in this list (checked by `scripts/check layers`).
        .target(name: "CBerth"),
        .target(name: "BerthSystem", dependencies: ["CBerth"], swiftSettings: settings),
        .target(name: "BerthFraming", swiftSettings: settings),
        .target(
            name: "BerthSockets", dependencies: ["BerthSystem", "BerthFraming", "CBerth"], swiftSettings: settings),
        .target(
            name: "BerthInspect", dependencies: ["BerthSockets", "BerthSystem", "CBerth"], swiftSettings: settings),
        .target(
            name: "BerthHarbour", dependencies: ["BerthInspect", "BerthSockets", "BerthFraming", "BerthSystem"],
            swiftSettings: settings),
        .target(
            name: "BerthEngine", dependencies: ["BerthSockets", "BerthFraming", "BerthSystem"], swiftSettings: settings),
        .target(
            name: "BerthServer",
            dependencies: [
                "BerthEngine", "BerthHarbour", "BerthInspect", "BerthSockets", "BerthFraming", "BerthSystem",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Logging"])),
            ],
            swiftSettings: settings),
        .target(
            name: "Berth",
            dependencies: [
                "BerthServer", "BerthEngine", "BerthHarbour", "BerthInspect", "BerthSockets", "BerthFraming",
                "BerthSystem",
            ],
            swiftSettings: settings),
        .target(
            name: "BerthTesting",
            dependencies: ["Berth", "BerthServer", "BerthEngine", "BerthSockets", "BerthFraming", "BerthSystem"],
            swiftSettings: settings),
        .target(
            name: "BerthLab",
            dependencies: [
                "Berth", "BerthServer", "BerthInspect", "BerthEngine", "BerthSockets", "BerthFraming", "BerthSystem",
                "CBerth",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "BerthCommand",
            dependencies: [
                "Berth", "BerthLab", "BerthServer", "BerthEngine", "BerthHarbour", "BerthInspect", "BerthSockets",
                "BerthFraming",
                "BerthSystem",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Command"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Command"])),
                .product(name: "Histogram", package: "hdrhistogram-swift", condition: .when(traits: ["Command"])),
            ],
            swiftSettings: settings),

        // How many tests run at a time.
        .target(name: "CTestSupport", path: "Tests/CTestSupport"),
        // Helpers that several test targets share: private network namespaces, raw peers, running programs.
        .target(
            name: "TestSupport",
            dependencies: [
                "CTestSupport", "BerthServer", "BerthEngine", "BerthSockets", "BerthSystem", "BerthFraming",
            ],
            path: "Tests/TestSupport", swiftSettings: settings),
        // A program with workers, which tests run: they cannot become one themselves.
        .executableTarget(
            name: "WorkerFixture", dependencies: ["Berth", "BerthHarbour", "BerthSystem", "TestSupport"],
            path: "Tests/WorkerFixture",
            swiftSettings: settings),
        // A service whose system calls tests make fail, in a process of its own.
        .executableTarget(
            name: "FaultFixture", dependencies: ["Berth", "BerthSystem", "BerthTesting"], path: "Tests/FaultFixture",
            swiftSettings: settings),
        .testTarget(name: "BerthSystemTests", dependencies: ["BerthSystem", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "BerthFramingTests", dependencies: ["BerthFraming", "BerthTesting"], swiftSettings: settings),
        .testTarget(
            name: "BerthSocketsTests", dependencies: ["BerthSockets", "BerthFraming", "BerthSystem", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BerthInspectTests",
            dependencies: ["BerthInspect", "BerthSockets", "BerthSystem", "BerthTesting", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BerthEngineTests",
            dependencies: [
                "BerthEngine", "BerthSockets", "BerthFraming", "BerthSystem", "BerthTesting", "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BerthHarbourTests",
            dependencies: ["BerthHarbour", "BerthSockets", "BerthSystem", "BerthTesting", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "BerthServerTests",
            dependencies: [
                "Berth", "BerthServer", "BerthEngine", "BerthHarbour", "BerthSockets", "BerthSystem", "BerthTesting",
                "TestSupport", "WorkerFixture", "FaultFixture",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BerthTestingTests",
            dependencies: [
                "Berth", "BerthTesting", "BerthServer", "BerthSockets", "BerthFraming", "BerthSystem", "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BerthLabTests",
            dependencies: ["BerthLab", "BerthSockets", "BerthSystem", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "BerthCommandTests",
            dependencies: [
                "BerthCommand", "BerthLab", "BerthServer", "BerthInspect", "BerthEngine", "BerthHarbour",
                "BerthSockets",
                "BerthFraming", "BerthSystem", "TestSupport",
                .product(
                    name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["Command"])),
            ],
            swiftSettings: settings),
    ]
)
