/// An administrator's change of a user; nil leaves as is.
package struct UserChange: Sendable {
    package var roles: [String]?
    package var scope: [String]?
    package var isDisabled: Bool?
    package var password: SealedPassword?
    package var at: UnixTime

    package init(roles: [String]? = nil, scope: [String]? = nil, isDisabled: Bool? = nil, at: UnixTime) {
        self.roles = roles
        self.scope = scope
        self.isDisabled = isDisabled
        self.at = at
    }

    /// Whether it ends the user's sessions.
    package var endsSessions: Bool { isDisabled == true || password != nil }

    /// The user after the change, and what to record; nil if it changes nothing.
    package func applied(to user: User) -> (user: User, events: [Event])? {
        var changed = user
        var events: [Event] = []
        if roles ?? user.roles != user.roles || scope ?? user.scope != user.scope {
            changed.roles = roles ?? user.roles
            changed.scope = scope ?? user.scope
            events.append(
                Event(
                    .rolesChanged, at: at, subject: user.id,
                    details: [
                        "roles": changed.roles.joined(separator: " "), "scope": changed.scope.joined(separator: " "),
                    ]))
        }
        if let isDisabled, isDisabled != user.isDisabled {
            changed.isDisabled = isDisabled
            events.append(Event(isDisabled ? .userDisabled : .userEnabled, at: at, subject: user.id))
        }
        if let password {
            changed.password = password
            events.append(Event(.passwordChanged, at: at, subject: user.id, details: ["by": "operator"]))
        }
        guard !events.isEmpty else { return nil }
        changed.version += 1
        return (changed, events)
    }
}
