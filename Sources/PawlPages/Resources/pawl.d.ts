/** A page's connection to a Pawl server. Make one, and keep it for as long as the page lives. */
export function createPawl(
  options: PawlOptions,
  /** What the page stands on; only tests give another than the page's own. */
  window?: object,
): Pawl

export interface PawlOptions {
  /** Where Pawl is: its public URL. */
  baseURL: string | URL
  /** Origins that `fetch` sends the access token to, such as `https://api.example.com`. */
  apiOrigins?: string[]
}

export interface Pawl {
  /**
   * Signs in, for all tabs. A user who is signed in is signed out first.
   * @throws PawlError `invalid_credentials`, or `too_many_requests` with `retryAfter`
   */
  signIn(credentials: Credentials): Promise<Session>

  /**
   * Registers somebody and signs them in.
   * @throws PawlError `identifier_taken`, `registration_closed`, or `password_refused` with a `reason`: `too_short`,
   *   `common` or `contains_identifier`
   */
  register(credentials: Credentials): Promise<Session>

  /**
   * Signs out, in all tabs at once. If the server cannot be told now, it is told once it can be reached: by this page,
   * or the next one. Until then nothing refreshes; a new sign-in settles it too.
   */
  signOut(): Promise<void>

  /**
   * Proves the password again, so that what asks for a fresh proof is allowed for a while.
   * @throws PawlError `wrong_password`; `step_up_locked` after five wrong ones
   */
  reauthenticate(password: string): Promise<void>

  /**
   * Sets a new password, and signs out all other devices.
   * @throws PawlError `wrong_password`, `step_up_locked`, or `password_refused` with a `reason`
   */
  changePassword(passwords: { current: string; new: string }): Promise<void>

  /**
   * Like the page's own `fetch`. Requests to the API origins, and to Pawl's own `/auth/`, take the access token along,
   * renewed before it expires. A 401 that says `invalid_token` is met by one refresh and one repetition, unless the
   * body is a stream. An API that refuses the new token too (its clock may be wrong) causes no further refresh
   * until it has taken a token: its 401 is returned. A redirect of such a request is an error, as the token would go
   * along with it.
   * @throws PawlError 401 `session_ended` if nobody is signed in; `session_changed` if, while it waited for a token,
   *   somebody else signed in; one that is temporary if Pawl cannot be reached
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>

  /** Who is signed in, as the server has it: null if nobody is. */
  session(): Promise<Session | null>

  /** The sessions of who is signed in, which are their devices, newest first: a page of 100, after the one whose id is
   * `after`. */
  sessions(after?: string): Promise<Device[]>

  /**
   * Calls `listener` whenever that happens, in whichever tab it was done.
   * @returns a function that ends it
   */
  on<Type extends keyof PawlEvents>(type: Type, listener: (event: PawlEvents[Type]) => void): () => void
}

export interface Credentials {
  identifier: string
  password: string
  /** What to call the device in the list of sessions. */
  device?: string
}

/** One sign-in on one device. Times are RFC 3339. */
export interface Device {
  id: string
  device: string
  userAgent: string
  ip: string
  createdAt: string
  lastUsedAt: string
  expiresAt: string
  /** Whether it is this one. */
  current: boolean
}

/** The session of this browser. */
export interface Session extends Omit<Device, "id"> {
  sessionID: string
  subject: string
  /** What they sign in with. */
  identifier: string
  roles: string[]
  /** Separated by spaces. */
  scope: string
  /** When the password was last proven. */
  authTime: string
  /** Seconds that the access token still lives. A session lives on for much longer. */
  expiresIn: number
}

export interface Identity {
  subject: string
  sessionID: string
}

export interface PawlEvents {
  /** Somebody signed in, where nobody was. */
  signedin: Event & Identity
  /** The session is over, and why. Without an identity if it was over when the page came. */
  signedout: Event & Partial<Identity> & { reason: EndReason }
  /** There is a new access token, or a first one. */
  refreshed: Event & Identity
  /** The session was ended because a copy of its refresh token showed; `signedout` follows. */
  stolen: Event & Partial<Identity> & { reason: "reused" }
  /** Another session took the place of this page's: what the page shows may be somebody else's. */
  changed: Event & Identity & { previous: Identity }
}

export type EndReason = "signed_out" | "expired" | "revoked" | "reused" | "lost" | "stale" | (string & {})

export class PawlError extends Error {
  /** The answer's status; 0 if there was none. */
  readonly status: number
  /** What to branch on: the problem's `code`, or `network` or `session_changed`. */
  readonly code: string | undefined
  readonly reason: string | undefined
  /** Seconds. */
  readonly retryAfter: number | undefined
  /** Whether the same call may succeed later. The user is still signed in. */
  readonly isTemporary: boolean
}
