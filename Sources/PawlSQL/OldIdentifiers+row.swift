package import PawlCore

extension OldIdentifiers.Row {
    /// - Parameter row: id, time of creation, spelling and key.
    package init(_ row: some Columns) {
        self.init(
            id: row.bytes(0), createdAt: row.time(1), spelling: row.text(2), key: row.isNull(3) ? nil : row.text(3))
    }
}
