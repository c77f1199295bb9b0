// swift-tools-version: 6.2
// Programs that use Berth, as a package of their own: `swift run --package-path Examples greeter`.

import PackageDescription

let package = Package(
    name: "examples",
    // Without the default trait Berth brings no other package with it.
    dependencies: [.package(name: "berth", path: "..", traits: [])],
    targets: [
        "greeter", "chat", "blocking-client", "framed-echo", "makefile-session", "relay", "thread-per-connection",
        "process-per-connection", "pre-threaded", "pre-forked", "reuse-port-copies", "handler-class", "both-directions",
        "restart",
    ].map { name in
        .executableTarget(name: name, dependencies: [.product(name: "Berth", package: "berth")])
    }
)
