// swift-tools-version: 6.2
import PackageDescription

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")

let package = Package(
    name: "pawl",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "pawl", targets: ["PawlCommand"]),
        .library(name: "Pawl", targets: ["Pawl"]),
        .library(name: "PawlAPI", targets: ["PawlAPI"]),
        .library(name: "PawlJOSE", targets: ["PawlJOSE"]),
        .library(name: "PawlCore", targets: ["PawlCore"]),
        .library(name: "PawlPasswords", targets: ["PawlPasswords"]),
        .library(name: "PawlSQLite", targets: ["PawlSQLite"]),
        .library(name: "PawlPostgres", targets: ["PawlPostgres"]),
        .library(name: "PawlServer", targets: ["PawlServer"]),
        .library(name: "PawlPages", targets: ["PawlPages"]),
        .library(name: "PawlGuard", targets: ["PawlGuard"]),
        .library(name: "PawlTesting", targets: ["PawlTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // The words both sides of the wire speak.
        .target(name: "PawlAPI"),
        // Signed tokens: JWS, key sets, access tokens; pure.
        .target(name: "PawlJOSE", dependencies: [crypto]),
        // Everything that decides; no I/O.
        .target(name: "PawlCore", dependencies: ["PawlJOSE", crypto, logging, metrics, coreMetrics]),
        // Argon2id.
        .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"]), .brew(["libsodium"])]),
        .target(name: "PawlPasswords", dependencies: ["PawlCore", "CSodium"]),
        // Rows as SQL stores have them, and copies of a whole installation.
        .target(name: "PawlSQL", dependencies: ["PawlCore", crypto]),
        // The embedded store.
        .target(name: "PawlSQLite", dependencies: ["PawlCore", "PawlSQL", deque, grdb, grdbSQLite, logging]),
        // The store for more than one machine.
        .systemLibrary(name: "CLibPQ", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .target(name: "PawlPostgres", dependencies: ["PawlCore", "PawlSQL", "CLibPQ", deque, logging]),
        // The HTTP edge, as a library.
        .target(
            name: "PawlServer",
            dependencies: [
                "PawlAPI", "PawlCore", "PawlJOSE", hummingbird, httpTypes, nioCore, nioHTTP1, nioHTTPTypes,
                nioHTTPTypesHTTP1, logging, lifecycle, coreMetrics,
            ]),
        // Account pages and the browser client, inside the binary.
        .target(
            name: "PawlPages",
            dependencies: ["PawlAPI", "PawlServer", "PawlJOSE", crypto, hummingbird, httpTypes, mustache],
            resources: [.embedInCode("Resources")]),
        // For APIs that check access tokens.
        .target(
            name: "PawlGuard",
            dependencies: ["PawlAPI", "PawlJOSE", hummingbird, httpTypes, nioCore, nioHTTP1, asyncHTTPClient, logging]),
        // The conformance suite for stores, a manual clock, seeded randomness.
        .target(name: "PawlTesting", dependencies: ["PawlCore", "PawlJOSE", crypto, logging]),
        // What commands write to a terminal.
        .target(name: "PawlTerminal", dependencies: [nioCore]),
        // `pawl bench`: clients under load, and what they measure.
        .target(
            name: "PawlLoad",
            dependencies: [
                "PawlAPI", "PawlCore", "PawlJOSE", "PawlTerminal", argumentParser, nioCore, nioHTTP1, nioPosix,
                unixSignals,
            ]),
        // All that the smallest embedding needs.
        .target(
            name: "Pawl",
            dependencies: ["PawlCore", "PawlGuard", "PawlJOSE", "PawlPasswords", "PawlSQLite", "PawlServer"]),
        // The binary. Its folder is not called `pawl`, which file systems that ignore case take for `Pawl`.
        .executableTarget(
            name: "PawlCommand",
            dependencies: [
                "PawlAPI", "PawlCore", "PawlSQL", "PawlServer", "PawlPages", "PawlSQLite", "PawlPostgres",
                "PawlPasswords", "PawlLoad", "PawlTerminal",
                hummingbird, httpTypes, configuration,
                "PawlJOSE", argumentParser, asyncHTTPClient, logging, lifecycle, unixSignals, nioCore,
                nioHTTP1, nioPosix, systemPackage,
            ]),
        .executableTarget(
            name: "resource-server", dependencies: ["PawlGuard", "PawlJOSE", hummingbird, logging],
            path: "Examples/resource-server"),
        .executableTarget(
            name: "web-app",
            dependencies: [
                "PawlGuard", "PawlAPI", hummingbird, httpTypes, nioCore, nioHTTP1, asyncHTTPClient, argumentParser,
                logging, lifecycle, unixSignals,
            ],
            path: "Examples/web-app", exclude: ["README.md", "run", "public"]),
        .executableTarget(
            name: "embed", dependencies: ["Pawl", hummingbird, logging],
            path: "Snippets/embed"),
        .executableTarget(name: "guarded-api", dependencies: ["PawlGuard", hummingbird], path: "Snippets/guard"),

        // What parts cost, for `make bench`.
        .executableTarget(
            name: "benchmarks",
            dependencies: ["PawlCore", "PawlJOSE", "PawlSQL", "PawlSQLite", "PawlPostgres", argumentParser, logging],
            path: "Benchmarks", exclude: ["README.md"]),

        // What reads strangers' bytes, one entry point each, for libFuzzer and for the tests.
        .target(name: "PawlFuzzing", dependencies: ["PawlAPI", "PawlCore", "PawlJOSE", crypto]),

        // Real processes for tests: Pawl's own, and PostgreSQL.
        .target(name: "ServerTesting", dependencies: [nioCore, nioPosix], path: "Tests/Kit/ServerTesting"),

        .testTarget(
            name: "PawlJOSETests", dependencies: ["PawlJOSE", "PawlTesting", jwtKit, crypto],
            path: "Tests/Unit/PawlJOSETests"),
        .testTarget(
            name: "PawlCoreTests",
            dependencies: ["PawlCore", "PawlJOSE", "PawlSQL", "PawlTesting", crypto, logging],
            path: "Tests/Unit/PawlCoreTests"),
        .testTarget(
            name: "PawlPasswordsTests", dependencies: ["PawlPasswords", "PawlCore", "PawlTesting"],
            path: "Tests/Unit/PawlPasswordsTests"),
        .testTarget(
            name: "PawlFuzzingTests", dependencies: ["PawlFuzzing", "PawlTesting"], path: "Tests/Unit/PawlFuzzingTests",
            exclude: ["Corpus"]),
        .testTarget(
            name: "PawlSQLiteTests",
            dependencies: ["PawlSQLite", "PawlCore", "PawlJOSE", "PawlSQL", "PawlTesting", grdb],
            path: "Tests/Integration/PawlSQLiteTests"),
        .testTarget(
            name: "PawlPostgresTests",
            dependencies: ["PawlPostgres", "PawlCore", "PawlJOSE", "PawlSQL", "PawlTesting", "ServerTesting"],
            path: "Tests/Integration/PawlPostgresTests"),
        .testTarget(
            name: "PawlServerTests",
            dependencies: [
                "PawlServer", "PawlPages", "PawlGuard", "PawlSQLite", "PawlPasswords", "PawlCore", "PawlJOSE",
                "PawlAPI",
                "PawlTesting",
                hummingbird, httpTypes, asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, lifecycle, jwtKit,
                crypto,
            ],
            path: "Tests/Integration/PawlServerTests"),
        .testTarget(
            name: "PawlTests",
            dependencies: [
                "PawlCommand", "resource-server", "web-app", "embed", "guarded-api", "PawlAPI", "PawlCore", "PawlSQL",
                "PawlSQLite",
                "PawlPostgres",
                "PawlLoad", "PawlTerminal", "PawlTesting", "ServerTesting",
                asyncHTTPClient,
                nioCore, nioHTTP1, nioPosix, grdb, logging,
            ],
            path: "Tests/EndToEnd/PawlTests"),
    ]
)

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]
for target in package.targets where target.type != .system {
    target.swiftSettings = settings
}

// `make fuzz` names libFuzzer's library here. Its executable is no part of an ordinary build, and what it looks into is
// built so that libFuzzer sees which branches an input takes.
if let libFuzzer = Context.environment["PAWL_LIBFUZZER"] {
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["PawlFuzzing"], path: "Fuzzing", exclude: ["tokens.dict"],
            swiftSettings: settings, linkerSettings: [.unsafeFlags([libFuzzer]), .linkedLibrary("stdc++")]))
    for target in package.targets where ["PawlAPI", "PawlJOSE", "PawlCore", "PawlFuzzing"].contains(target.name) {
        target.swiftSettings = settings + [.unsafeFlags(["-sanitize=fuzzer"])]
    }
}
