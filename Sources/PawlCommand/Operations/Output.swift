import ArgumentParser
import Foundation
import PawlCore

/// How a command answers: a table for people, JSON for programs.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, for programs.") var json = false

    /// Prints `value`, or the table that shows it.
    func show(_ value: some Encodable, _ header: [String], _ rows: [[String]]) throws {
        guard json else { return print(table(header, rows)) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// Columns as wide as their widest cell. Characters that hide or turn what is beside them, which a stranger may have put
/// there, are shown by their numbers.
func table(_ header: [String], _ rows: [[String]]) -> String {
    let cells = ([header] + rows).map { $0.map(\.unmasked) }
    let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
        zip(row, widths).map { cell, width in
            cell.padding(toLength: max(width, cell.count), withPad: " ", startingAt: 0)
        }
        .joined(separator: "  ").replacing(#/ +$/#, with: "")
    }.joined(separator: "\n")
}
