/// The body of `POST /admin/recovery`: lets the sessions of an incident go on. Times are RFC 3339.
package struct RecoveryRequest: Codable, Sendable {
    /// The newest if absent.
    package var incident: Int?
    /// Another begin of the lost interval than the one that was found.
    package var lostFrom: String?
    /// Another end.
    package var lostUntil: String?

    package init(incident: Int? = nil, lostFrom: String? = nil, lostUntil: String? = nil) {
        self.incident = incident
        self.lostFrom = lostFrom
        self.lostUntil = lostUntil
    }

    private enum CodingKeys: String, CodingKey {
        case incident
        case lostFrom = "lost_from"
        case lostUntil = "lost_until"
    }
}

/// One loss of writes.
package struct IncidentDescription: Codable, Sendable {
    package var incident: Int
    /// `undecided`, `open` or `closed`.
    package var state: String
    package var detectedAt: String
    package var lostFrom: String
    package var lostUntil: String
    package var openedAt: String?
    /// When it is, or was, closed.
    package var closesAt: String

    package init(
        incident: Int, state: String, detectedAt: String, lostFrom: String, lostUntil: String, openedAt: String?,
        closesAt: String
    ) {
        self.incident = incident
        self.state = state
        self.detectedAt = detectedAt
        self.lostFrom = lostFrom
        self.lostUntil = lostUntil
        self.openedAt = openedAt
        self.closesAt = closesAt
    }

    private enum CodingKeys: String, CodingKey {
        case incident, state
        case detectedAt = "detected_at"
        case lostFrom = "lost_from"
        case lostUntil = "lost_until"
        case openedAt = "opened_at"
        case closesAt = "closes_at"
    }
}

/// The answer to `/admin/recovery`.
package struct RecoveryStatus: Codable, Sendable {
    /// Oldest first.
    package var incidents: [IncidentDescription]
    /// Sessions that went on, since the newest incident was met.
    package var recovered: Int
    /// Sessions that ended as `lost` since then.
    package var lost: Int
    /// Sessions that could still live and were not refreshed since then.
    package var silent: Int

    package init(incidents: [IncidentDescription], recovered: Int, lost: Int, silent: Int) {
        self.incidents = incidents
        self.recovered = recovered
        self.lost = lost
        self.silent = silent
    }
}

/// The answer to `DELETE /admin/sessions`.
package struct EndedSlice: Codable, Sendable {
    package var ended: Int
    /// Where the next slice begins; absent at the end.
    package var next: String?

    package init(ended: Int, next: String?) {
        self.ended = ended
        self.next = next
    }
}
