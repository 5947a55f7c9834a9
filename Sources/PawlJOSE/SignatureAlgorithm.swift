/// The JWS algorithms that Pawl signs with and accepts: asymmetric ones only, one key for one algorithm
/// (RFC 8725 §3.1, RFC 9068 §2.1).
public enum SignatureAlgorithm: String, Sendable, CaseIterable, Codable {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    case es256 = "ES256"
    /// Ed25519 (RFC 8037 §3.1).
    case edDSA = "EdDSA"
}
