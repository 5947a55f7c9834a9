import Foundation  // FoundationEssentials has no normalisation, the standard library keeps its own private

extension String {
    /// Normalization Form C: what looks the same is the same bytes.
    var nfc: String { precomposedStringWithCanonicalMapping }
    /// Normalization Form KC: the ordinary characters instead of compatibility forms.
    var nfkc: String { precomposedStringWithCompatibilityMapping }
}
