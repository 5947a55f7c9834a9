/// The body of `POST /admin/recovery`: lets the sessions of an incident go on. Times are RFC 3339.
public struct RecoveryRequest: Codable, Sendable {
    /// The newest if absent.
    public var incident: Int?
    /// Another begin of the lost interval than the one that was found.
    public var lostFrom: String?
    /// Another end.
    public var lostUntil: String?

    public init(incident: Int? = nil, lostFrom: String? = nil, lostUntil: String? = nil) {
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
public struct IncidentDescription: Codable, Sendable {
    public var incident: Int
    /// `undecided`, `open` or `closed`.
    public var state: String
    public var detectedAt: String
    public var lostFrom: String
    public var lostUntil: String
    public var openedAt: String?
    /// When it is, or was, closed.
    public var closesAt: String

    public init(
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
public struct RecoveryStatus: Codable, Sendable {
    /// Oldest first.
    public var incidents: [IncidentDescription]
    /// Sessions that went on, since the newest incident was met.
    public var recovered: Int
    /// Sessions that ended as `lost` since then.
    public var lost: Int
    /// Sessions that could still live and were not refreshed since then.
    public var silent: Int

    public init(incidents: [IncidentDescription], recovered: Int, lost: Int, silent: Int) {
        self.incidents = incidents
        self.recovered = recovered
        self.lost = lost
        self.silent = silent
    }
}

/// The answer to `DELETE /admin/sessions`.
public struct EndedSlice: Codable, Sendable {
    public var ended: Int
    /// Where the next slice begins; absent at the end.
    public var next: String?

    public init(ended: Int, next: String?) {
        self.ended = ended
        self.next = next
    }
}
