/**
 * pawl.js keeps a web page signed in with Pawl. pawl.d.ts describes the calls, docs/browsers.md the choices.
 *
 * The refresh token is a cookie that no script can read; the access token is in memory only. Tabs share
 *  - a lock: one at a time may change the cookie;
 *  - a record in IndexedDB: the `name` of the last attempt, whether it is `open`, a `signOut` that the server has not
 *    heard of, and `at`, a count of all changes: their clock;
 *  - a channel, on which they tell who is signed in, with which access token, as of when.
 */

// In milliseconds:
const holdLimit = 10_000 // for a request, and so for the lock
const patience = 12_000 // with a tab that holds the lock
const replyLimit = 50 // for other tabs, if there are any
const arrivalLimit = 1_000 // for what was told already
const soon = 30_000 // before a token's end, and after a failure

export class PawlError extends Error {
  constructor(status, { code, reason, detail }, retryAfter) {
    super(detail ?? code ?? status)
    Object.assign(this, { name: "PawlError", status, code, reason, retryAfter })
  }

  get isTemporary() {
    return !this.status || this.code === "refresh_conflict" || this.status === 429 || this.status >= 500
  }
}

async function decode(response) {
  if (response.ok) return response.status === 204 || response.json()
  const problem = await response.json().catch(() => ({})) // a proxy may answer otherwise
  throw new PawlError(response.status, problem, Number(response.headers.get("Retry-After")) || undefined)
}

function asPawlError(error) {
  throw error instanceof PawlError ? error : new PawlError(0, { code: "network", detail: error.message })
}

const json = (method, value) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
})

const camelCase = object =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key.replace(/_./g, c => c[1].toUpperCase()), value]))

/** Tests give another `window`. */
export function createPawl({ baseURL, apiOrigins = [] }, window = globalThis) {
  const base = new URL(baseURL, window.location?.href).href.replace(/\/$/, "")
  const origins = apiOrigins.map(url => new URL(url).origin).filter(origin => origin !== "null")
  const shared = `pawl/1 ${base}` // two Pawls do not mix
  const locks = window.navigator?.locks
  const now = () => window.performance.now() // monotonic

  // ---- What this tab knows

  let at = 0 // as of when
  let held // undefined: nothing yet; null: nobody is signed in; else { token, until, early, subject, sessionID }
  let ending // why nobody is
  let timer
  const events = new EventTarget()

  const later = record => Math.max(record.at, at) + 1
  const isGood = refused => held && held.token !== refused && held.until - held.early > now()
  const over = () => new PawlError(401, { code: "session_ended", reason: ending })
  const changed = () => new PawlError(409, { code: "session_changed" })
  const identity = who => ({ subject: who?.subject, sessionID: who?.sessionID })
  const emit = (type, who, more) => events.dispatchEvent(Object.assign(new Event(type), identity(who), more))

  /** Another session is announced. */
  function learn(moment, next, { isSignIn, reason } = {}) {
    if (moment <= at) return
    const previous = held
    at = moment
    held = next
    if (next) {
      wakeIn(Math.max(next.until - next.early - now(), 1_000))
      if (previous?.sessionID === next.sessionID) emit("refreshed", next)
      else if (previous) emit("changed", next, { previous: identity(previous) })
      else emit(isSignIn || previous === null ? "signedin" : "refreshed", next)
      return
    }
    turning?.abort()
    if (previous || (previous === undefined && reason)) {
      ending = reason ?? "signed_out" // the cookie is gone
      if (ending === "reused") emit("stolen", previous, { reason: ending })
      emit("signedout", previous, { reason: ending })
    }
  }

  // ---- What tabs share

  const channel = new window.BroadcastChannel(shared)
  let heard = () => {}

  channel.onmessage = ({ data }) => {
    if (data.isQuestion) return held && tell()
    learn(data.at, data.held ? { ...data.held, until: now() + data.left } : null, data)
    heard()
  }

  const tell = how => channel.postMessage({ at, held, left: held?.until - now(), ...how })

  /** Waits for what was told as of `moment`. The lock may come before what was told before its release. */
  const hear = (moment, limit) =>
    new Promise(resolve => {
      heard = () => at >= moment && resolve()
      window.setTimeout(resolve, limit)
      channel.postMessage({ isQuestion: true })
    })

  // Names need locks (one attempt at a time) and a database (to outlive their page). Without them the server's leeway
  // must do, and each tab has a record of its own.
  let isNaming = Boolean(locks && window.indexedDB)
  let ownRecord = { at: 0 }

  /** Patches the record on disk by what `edit` makes of it, if anything. */
  async function change(edit) {
    if (isNaming) {
      try {
        return await transact(edit)
      } catch {
        isNaming = false
      }
    }
    ownRecord.at = Math.max(ownRecord.at, at)
    return (ownRecord = { ...ownRecord, ...edit(ownRecord) })
  }

  const read = () => change(() => undefined)

  async function transact(edit) {
    const done = (request, event) =>
      new Promise((resolve, reject) => {
        request[event] = resolve
        request.onerror = request.onabort = reject
      })
    const opening = window.indexedDB.open(shared)
    opening.onupgradeneeded = () => opening.result.createObjectStore("record")
    await done(opening, "onsuccess")
    const transaction = opening.result.transaction("record", "readwrite", { durability: "strict" })
    const store = transaction.objectStore("record")
    const reading = store.get(0)
    let record
    reading.onsuccess = () => {
      record = reading.result ?? { at: 0 }
      const patch = edit(record)
      if (patch) store.put((record = { ...record, ...patch }), 0)
    }
    await done(transaction, "oncomplete")
    opening.result.close()
    return record
  }

  let queue = Promise.resolve()

  const limited = milliseconds => {
    const controller = new AbortController()
    window.setTimeout(() => controller.abort(), milliseconds)
    return controller
  }

  /** Does `work`, for a limited time, while nothing else does.
   *
   *  A tab that froze with the lock loses it once another has seen it there for longer than any work lasts. Its request
   *  cannot be stopped, but its attempt is open: the next repeats its name. Awake again, it finds the record changed. */
  function alone(work) {
    let hold, working
    const begin = () => (working = work((hold = limited(holdLimit))))
    const holder = async () => (await locks.query()).held.find(lock => lock.name === shared)?.clientId
    const wait = async () => {
      if (!locks) return begin()
      for (let last; ; ) {
        const seen = await holder()
        const isStuck = seen && seen === last
        last = seen
        const { signal } = limited(patience * (1 + Math.random() / 5))
        try {
          return await locks.request(shared, isStuck ? { steal: true } : { signal }, begin)
        } catch {
          hold?.abort()
          if (working) return working
        }
      }
    }
    return (queue = queue.then(wait, wait)) // a tab does not compete with itself
  }

  // ---- Requests

  /** Under the kept `name`, one's own old cookie is no copy. */
  async function send({ signal }, path, name, init) {
    const headers = { ...init?.headers, ...(isNaming && name && { "Idempotency-Key": name }) }
    init = { method: "POST", credentials: "include", redirect: "error", signal, ...init, headers }
    return window.fetch(base + path, init).then(decode).catch(asPawlError)
  }

  async function sendForToken(...request) {
    const sent = now()
    const answer = await send(...request)
    if (!/^bearer$/i.test(answer.token_type)) throw new PawlError(0, { code: "network" }) // not Pawl's answer
    const { access_token: token, subject, session_id: sessionID, repeated } = answer
    const life = answer.expires_in * 1000
    return { token, subject, sessionID, repeated, until: sent + life, early: Math.min(soon, life / 5) }
  }

  /** Repeats what fails for now. */
  async function repeat(work) {
    for (let tried = 1; ; tried++) {
      try {
        return await work()
      } catch (error) {
        const wait = error.retryAfter * 1000 || 2 ** tried * 250
        if (!error.isTemporary || tried === 4 || wait > holdLimit) throw error
        await new Promise(resolve => window.setTimeout(resolve, wait * (1 + Math.random() / 2)))
      }
    }
  }

  // ---- Turning the session

  let turning // aborts the turn under way
  let renewal
  const turn = work => repeat(() => alone(hold => work((turning = hold)))) // the pauses are without the lock

  /** Patches the record if it is as it `was`: nobody signed out, and this tab has not lost the lock. */
  async function follow(was, patch) {
    let isSame
    const record = await change(record => {
      isSame = ["at", "name", "open"].every(key => record[key] === was[key])
      return isSame && patch
    })
    if (!isSame) throw new PawlError(409, { code: "refresh_conflict" })
    return record
  }

  async function settle(was, next, how) {
    const signOut = how?.reason === "stale" // its session lives on, perhaps with a thief
    const record = await follow(was, { at: later(was), open: false, repeated: next?.repeated, signOut })
    if (signOut) await tellSignOut(turning, record).catch(() => wakeIn(soon))
    learn(record.at, next, how)
    tell(how)
  }

  async function prepare(hold, wasSignedIn) {
    if (!isNaming) await hear(at + 1, replyLimit)
    const began = await read()
    if (began.signOut) {
      await tellSignOut(hold, began).catch(() => {})
      learn(began.at, null)
      throw over()
    }
    if (began.at > at) await hear(began.at, held === undefined ? replyLimit : arrivalLimit)
    if (wasSignedIn && !held) throw over()
    return began
  }

  /** Turns the session by the attempt `name`. */
  async function spend(hold, began, name, path, init) {
    // Before the request leaves, so that it can be repeated, even after a crash.
    const record = await follow(began, { name, open: true })
    let next
    try {
      next = await sendForToken(hold, path, name, init)
    } catch (error) {
      if (/session_ended|invalid_refresh_token/.test(error.code)) await settle(record, null, { reason: error.reason })
      throw error
    }
    await settle(record, next)
  }

  /** The last name if it `isDue` again, or has turned nothing so far: a request may be stuck. Else a new one. */
  const nameFor = ({ name, repeated }, isDue) =>
    ((isDue || repeated) && name) || window.crypto.getRandomValues(new Uint32Array(4)).join("-")

  /** Repeats an open attempt, whatever it was. A new page repeats any, as a browser that crashed may come back with the
   *  cookie of half a minute ago. */
  const refresh = (hold, began) =>
    spend(hold, began, nameFor(began, began.open || held === undefined), "/auth/refresh")

  /** Gets a token that lasts, other than the `refused` one, for all who want one. */
  function renew(refused) {
    const wasSignedIn = held
    return (renewal ??= turn(async hold => {
      const began = await prepare(hold, wasSignedIn)
      if (at !== began.at || !isGood(refused)) await refresh(hold, began)
    }).finally(() => (renewal = undefined)))
  }

  async function fresh(refused) {
    if (!isGood(refused)) await renew(refused)
    if (!held) throw over()
    return held
  }

  async function stepUp(path, init) {
    const { sessionID } = await fresh()
    let name
    await turn(async hold => {
      let began = await prepare(hold, true)
      // Any other open attempt is settled first: a new name with the token that it spent would pass for theft.
      if (at !== began.at || (began.open && !(isNaming && began.name === name))) {
        await refresh(hold, began)
        began = await read()
      }
      if (held.sessionID === sessionID) {
        if (!began.open) name = nameFor(began)
        await spend(hold, began, name, path, init).catch(error => {
          if (error.status === 409) name = undefined
          throw error
        })
      }
      if (held?.sessionID !== sessionID) throw changed()
    })
  }

  const enter = path => async credentials => {
    await alone(async hold => {
      const record = await read()
      await settle(record, await sendForToken(hold, path, record.name, json("POST", credentials)), { isSignIn: true })
    })
    return session()
  }

  // ---- Signing out

  async function tellSignOut(hold, record) {
    await send(hold, "/auth/logout", record.name)
    await follow(record, { open: false, signOut: false })
  }

  /** Unless that was done, or a sign-in came after it. */
  async function carryOutSignOut() {
    try {
      await alone(async hold => {
        const record = await read()
        if (record.signOut) await tellSignOut(hold, record)
      })
    } catch (error) {
      if (!error.isTemporary) throw error
      wakeIn(soon)
    }
  }

  /** For other tabs at once; for the server when it can be reached. Here it is announced last: a listener may leave the
   *  page. */
  async function signOut() {
    const record = await change(record => ({ at: later(record), signOut: true }))
    turning?.abort()
    channel.postMessage(record)
    await carryOutSignOut().finally(() => learn(record.at, null))
  }

  // ---- Calls with the access token

  const unhelped = new Set() // origins that refused a new token as well

  async function fetch(input, init) {
    let request = new window.Request(input, init) // reads addresses and options as `window.fetch` does
    const { origin } = new URL(request.url)
    const isOurs = origins.includes(origin) || request.url.startsWith(`${base}/auth/`)
    if (!isOurs) return window.fetch(request)
    // Some browsers would send the token along to where they are redirected.
    if (request.redirect === "follow") request = new window.Request(request, { redirect: "error" })
    const again = !init?.body?.getReader && request.clone()
    const { signal } = request
    signal.throwIfAborted()
    const aborted = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    let isRefused
    const send = async ({ token }, request) => {
      isRefused = false
      request.headers.set("Authorization", `Bearer ${token}`)
      const response = await window.fetch(request)
      isRefused = response.status === 401 && /error="?invalid_token/.test(response.headers.get("WWW-Authenticate"))
      if (!isRefused) unhelped.delete(origin)
      return response
    }
    const before = held
    const mine = await Promise.race([fresh(), aborted])
    if (before && before.sessionID !== mine.sessionID) throw changed()
    const response = await send(mine, request)
    if (!isRefused || !again || unhelped.has(origin)) return response
    const newer = await Promise.race([fresh(mine.token), aborted])
    if (newer.sessionID !== mine.sessionID) return response
    return send(newer, again).finally(() => isRefused && unhelped.add(origin))
  }

  async function get(path) {
    await fresh()
    return repeat(() => fetch(base + path, { credentials: "omit", cache: "no-store" }).then(decode).catch(asPawlError))
  }

  async function session() {
    const before = held?.sessionID
    try {
      const { id, ...rest } = camelCase(await get("/auth/session"))
      return { sessionID: id, ...rest, expiresIn: Math.floor((held.until - now()) / 1000) }
    } catch (error) {
      if (held === null) return null
      if (before && held.sessionID !== before) return session()
      throw error
    }
  }

  // ---- Waking up

  /** Does what is due, if the tab is seen. */
  async function wake() {
    const record = await read()
    const isDue = record.at !== at || (held && !isGood())
    if (record.signOut) await carryOutSignOut()
    else if (isDue && held !== undefined && window.document?.visibilityState === "visible") await renew()
  }

  const quietly = work => work().catch(() => held && wakeIn(soon))

  function wakeIn(delay) {
    window.clearTimeout(timer)
    timer = window.setTimeout(quietly, delay, wake)
  }

  // A page that was kept has missed things.
  const wakeUp = event => quietly(event?.persisted && held !== undefined ? session : wake)
  for (const type of ["online", "visibilitychange", "resume", "pageshow"]) window.addEventListener?.(type, wakeUp, true)
  wakeUp()

  return {
    signIn: enter("/auth/login"),
    register: enter("/auth/register"),
    signOut,
    reauthenticate: password => stepUp("/auth/reauthenticate", json("POST", { password })),
    changePassword: passwords => stepUp("/auth/password", json("PUT", passwords)),
    fetch,
    session,
    sessions: async after => (await get("/auth/sessions" + (after ? "?after=" + after : ""))).sessions.map(camelCase),
    on(type, listener) {
      events.addEventListener(type, listener)
      return () => events.removeEventListener(type, listener)
    },
  }
}
