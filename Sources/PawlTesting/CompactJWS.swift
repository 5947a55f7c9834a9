import PawlJOSE

/// A compact JWS over any bytes, with whatever `signature` makes of the text to be signed: for tokens that no honest
/// issuer would make.
package func compactJWS(
    header: [UInt8], payload: [UInt8], signature: (String) throws -> [UInt8]
) rethrows -> String {
    let signed = Base64URL.encode(header) + "." + Base64URL.encode(payload)
    return signed + "." + Base64URL.encode(try signature(signed))
}
