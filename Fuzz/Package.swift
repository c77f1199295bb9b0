// swift-tools-version: 6.2
// Random tests of Berth, kept apart so that the library's package stays without them:
//
//     swift run -c release --package-path Fuzz fuzz-codecs [--cases 1000000] [--seed N] [--codec NAME]
//     swift run -c release --package-path Fuzz fuzz-server [--sessions 200000] [--seed N] [--codec NAME] [--engine NAME]
//     swift run -c release --package-path Fuzz soak [--engine NAME] [--minutes 10]

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "berth-fuzz",
    dependencies: [.package(name: "berth", path: "..", traits: [])],
    targets: [
        // The streams of both fuzzers, and what they have to turn into.
        .target(
            name: "FuzzStreams",
            dependencies: [
                .product(name: "Berth", package: "berth"), .product(name: "BerthTesting", package: "berth"),
            ], swiftSettings: settings),
        .executableTarget(
            name: "fuzz-codecs",
            dependencies: [
                "FuzzStreams", .product(name: "Berth", package: "berth"),
                .product(name: "BerthTesting", package: "berth"),
            ], swiftSettings: settings),
        // The server by its socket.
        .executableTarget(
            name: "fuzz-server",
            dependencies: [
                "FuzzStreams", .product(name: "Berth", package: "berth"),
                .product(name: "BerthTesting", package: "berth"),
            ], swiftSettings: settings),
        .executableTarget(
            name: "soak",
            dependencies: [
                .product(name: "Berth", package: "berth"), .product(name: "BerthTesting", package: "berth"),
            ], swiftSettings: settings),
    ]
)
