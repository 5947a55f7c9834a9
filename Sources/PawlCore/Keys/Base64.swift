#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The bytes of standard or url-safe base64, padded or not, as people paste it.
func decodeBase64(_ text: some StringProtocol) -> [UInt8]? {
    var standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    while !standard.utf8.count.isMultiple(of: 4) { standard += "=" }
    return Data(base64Encoded: standard).map { [UInt8]($0) }
}
