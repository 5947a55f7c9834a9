import ArgumentParser
import Configuration
import Foundation
import PawlJOSE
import PawlTerminal
import SystemPackage

/// Settings from flags, then `PAWL_…` variables, then the JSON file; a value that cannot be read is an error, never
/// silently a default.
struct SettingsReader {
    private let reader: ConfigReader
    private let names: [String]
    let environment: [String: String]
    /// Variables that look like settings, and are none.
    let unknownVariables: [String]
    /// The file that settings are read from, if there is one.
    let file: String?

    init(
        common: CommonOptions, serve: ServeOptions? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws {
        // Kubernetes sets this one for a service called pawl, before anybody has set a port.
        let environment = environment.filter { $0.key != "PAWL_PORT" || !$0.value.hasPrefix("tcp://") }
        self.environment = environment
        file = common.config ?? environment["PAWL_CONFIG"]
        let known = common.values.merging(try (serve ?? ServeOptions.parse([])).values) { first, _ in first }
        names = Array(known.keys)
        var flags: [AbsoluteConfigKey: ConfigValue] = [:]
        for case (let name, let value?) in known { flags[AbsoluteConfigKey([name])] = value }
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "flags", values: flags),
            EnvironmentVariablesProvider(
                environmentVariables: environment, secretsSpecifier: .specific(["PAWL_MASTER_SECRET", "PAWL_DATABASE"])
            ).prefixKeys(with: "pawl"),
        ]
        unknownVariables = environment.keys.filter { Self.isMisspelt($0, known: known.keys) }.sorted()
        if let path = file {
            _ = try Self.values(in: path, known: Set(known.keys))
            providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(path)))
        }
        reader = ConfigReader(providers: providers)
    }

    /// Whether a variable looks like a setting and is none. Container platforms make some of their own for a service
    /// called `pawl`: `PAWL_SERVICE_HOST`, `PAWL_PORT_8080_TCP`.
    private static func isMisspelt(_ variable: String, known: some Sequence<String>) -> Bool {
        guard variable.uppercased().hasPrefix("PAWL_"), variable.wholeMatch(of: /PAWL_(SERVICE|PORT)_.*/) == nil else {
            return false
        }
        let names = Array(known) + ["config", "master-secret", "from", "to"]
        return !names.contains { "PAWL_" + $0.uppercased().replacing("-", with: "_") == variable }
    }

    /// The settings in a file. A misspelt name would silently be a default.
    static func values(in path: String, known: Set<String>) throws -> [String: WrittenSetting] {
        guard let file = try TextFile(path, what: "settings") else {
            throw CommandError("\(path) cannot be read: there is no such file.")
        }
        let object: [String: WrittenSetting]
        do {
            object = try JSONText.decode([String: WrittenSetting].self, from: [UInt8](file.text.utf8))
        } catch is JSONText.NotPlainObject
            // JSON that is no such object. What is no JSON at all is told below.
            where (try? JSONSerialization.jsonObject(with: Data(file.text.utf8), options: .fragmentsAllowed)) != nil
        {
            throw CommandError("\(path) must hold one JSON object, with no name twice.")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw CommandError(
                "\(path): \"\(context.codingPath.first?.stringValue ?? "")\" takes a text in quotes, or a whole number."
            )
        } catch {
            throw CommandError("\(path) cannot be read as JSON.")
        }
        if let unknown = object.keys.filter({ !known.contains($0) }).sorted().first {
            throw CommandError("\(path): there is no setting \"\(unknown)\". See pawl serve --help for the names.")
        }
        return object
    }

    func string(_ name: String) async throws -> String? {
        try await value(name) { try await reader.fetchString(forKey: ConfigKey([name])) }
    }

    func integer(_ name: String, default standard: Int, in range: ClosedRange<Int>) async throws -> Int {
        let value = try await value(name) { try await reader.fetchInt(forKey: ConfigKey([name])) } ?? standard
        guard range.contains(value) else {
            throw CommandError("\(name) takes a number from \(range.lowerBound) to \(range.upperBound), not \(value).")
        }
        return value
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default standard: Choice
    ) async throws -> Choice where Choice.RawValue == String {
        guard let text = try await string(name) else { return standard }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError("\(name) takes one of \(choices), not \"\(text)\".")
        }
        return choice
    }

    /// All settings that were given, as they were written.
    func written() async -> [String: String] {
        var written: [String: String] = [:]
        for name in names {
            // Of one of the two kinds, or not there.
            if let text = try? await reader.fetchString(forKey: ConfigKey([name])) {
                written[name] = text
            } else if let number = try? await reader.fetchInt(forKey: ConfigKey([name])) {
                written[name] = String(number)
            }
        }
        return written
    }

    func list(_ name: String) async throws -> [String] {
        (try await string(name) ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private func value<Value>(_ name: String, _ fetch: () async throws -> Value?) async throws -> Value? {
        do {
            return try await fetch()
        } catch {
            throw CommandError("The setting \(name) has a value of the wrong kind.")
        }
    }
}

/// A setting as a file has it.
enum WrittenSetting: Decodable {
    case text(String)
    case number(Int)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {  // else it is a number, or an error
            self = .text(text)
        } else {
            self = .number(try container.decode(Int.self))
        }
    }

    var text: String? { if case .text(let text) = self { text } else { nil } }
}
