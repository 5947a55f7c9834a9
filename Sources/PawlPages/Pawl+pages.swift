import HTTPTypes
public import Hummingbird
import Mustache
import PawlAPI
public import PawlServer

extension Pawl {
    /// Adds the account pages below `/account`, what leads password managers to them, and `/pawl.js`, the browser client,
    /// with its types.
    ///
    /// - Throws: if a template cannot be read, which a test would have shown.
    public func addPages<Context: RemoteAddressRequestContext>(to router: some RouterMethods<Context>) throws {
        let files = try StaticFile.pages(configuration).merging(StaticFile.assets, uniquingKeysWith: { $1 })
        for (path, file) in files { addRoute("\(path)", to: router, file.response) }
        addRoute("\(PawlPath.changePassword)", to: router) { _ in .redirect(to: PawlPath.passwordPage, type: .found) }
    }
}

extension StaticFile {
    /// Pages may load their own script, style and pictures and talk to this server, and nothing else; nobody may frame
    /// them; and their scripts cannot turn text into markup (OWASP, Content Security Policy Cheat Sheet).
    private static let pageHeaders: HTTPFields = [
        .contentSecurityPolicy: """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
        form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
        trusted-types 'none'
        """,
        .frameOptions: "DENY",
        .crossOriginOpenerPolicy: "same-origin",
    ]
    /// Pages of any origin may load these.
    private static let everybody: HTTPFields = [
        .accessControlAllowOrigin: "*", .crossOriginResourcePolicy: "cross-origin",
    ]

    static let assets: [String: StaticFile] = [
        PawlPath.browserClient: StaticFile(
            PackageResources.pawl_js, type: "text/javascript; charset=utf-8", headers: everybody),
        PawlPath.browserClientTypes: StaticFile(
            PackageResources.pawl_d_ts, type: "text/plain; charset=utf-8", headers: everybody),
        "\(PawlPath.accountFiles)/account.js": StaticFile(
            PackageResources.account_js, type: "text/javascript; charset=utf-8"),
        "\(PawlPath.accountFiles)/account.css": StaticFile(
            PackageResources.account_css, type: "text/css; charset=utf-8"),
        "\(PawlPath.accountFiles)/logo.svg": StaticFile(PackageResources.logo_svg, type: "image/svg+xml"),
    ]

    /// What they say depends on the configuration alone, so each is filled once.
    static func pages(_ configuration: PawlConfiguration) throws -> [String: StaticFile] {
        let templates = [
            "layout": PackageResources.layout_mustache, "devices": PackageResources.devices_mustache,
            "sign-in": PackageResources.sign_in_mustache, "register": PackageResources.register_mustache,
            "password": PackageResources.password_mustache,
        ]
        let library = MustacheLibrary(
            templates: try templates.mapValues { try MustacheTemplate(string: String(decoding: $0, as: UTF8.self)) })
        let pages = [
            (PawlPath.account, "devices", "Your devices"), (PawlPath.signInPage, "sign-in", "Sign in"),
            (PawlPath.registerPage, "register", "Create account"),
            (PawlPath.passwordPage, "password", "Change password"),
        ]
        var files: [String: StaticFile] = [:]
        for (path, page, title) in pages {
            let words: [String: any Sendable] = [
                "page": page, "title": title, "publicURL": configuration.publicURL,
                "registrationIsOpen": configuration.isRegistrationOpen,
                "minimumPasswordLength": configuration.minimumPasswordLength,
                "isDevices": page == "devices", "isPassword": page == "password",
            ]
            guard let text = library.render(words, withTemplate: page) else { throw MissingTemplate(name: page) }
            files[path] = StaticFile([UInt8](text.utf8), type: "text/html; charset=utf-8", headers: pageHeaders)
        }
        return files
    }
}

/// A page has no template.
struct MissingTemplate: Error {
    let name: String
}

extension HTTPField.Name {
    static let frameOptions = Self("X-Frame-Options")!
    static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
}
