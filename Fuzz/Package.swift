// swift-tools-version: 6.2
// Random tests of Berth, kept apart so that the library's package stays without them:
//
//     swift run -c release --package-path Fuzz fuzz-codecs [--cases 1000000] [--seed N] [--codec NAME]

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
        .executableTarget(
            name: "fuzz-codecs", dependencies: [.product(name: "Berth", package: "berth")], swiftSettings: settings)
    ]
)
