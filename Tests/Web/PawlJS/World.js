// What pawl.js stands on and Node has not: browsers whose tabs share a cookie, locks, a database and channels; a Pawl
// server that judges as the design's table of verdicts does; a network with faults; and a clock that only tests move.
// Whatever crosses from one of them to another takes its time, so that two things never come in order by luck.

import { webcrypto } from "node:crypto"
import { copyFile, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"

export const source = new URL("../../../Sources/PawlPages/Resources/pawl.js", import.meta.url)

// Node takes a file for a module by its name or by a package around it; pawl.js has neither.
const folder = await mkdtemp(`${tmpdir()}/pawl-`)
await copyFile(source, `${folder}/pawl.mjs`)
export const { createPawl, PawlError } = await import(`${folder}/pawl.mjs`)
await rm(folder, { recursive: true })

export const pawlURL = "https://auth.example.com"
export const apiURL = "https://api.example.com"
export const password = "correct horse battery staple"

export class World {
  now = 1_000_000
  tasks = [] // { due, number, run }
  #number = 0
  faults = [] // for the next requests to Pawl, one each: see `Browser.request`
  requests = [] // the paths that were asked for, in order
  server = new Server(this)
  refused = refused
  api = request => answer(200, { authorization: request.headers.get("Authorization") })

  /** A generator of numbers below 1, or the constant half. */
  constructor(seed) {
    let state = seed
    this.random = () => {
      if (seed === undefined) return 0.5
      state = (state * 1664525 + 1013904223) % 2 ** 32 // Numerical Recipes' linear congruential generator
      return state / 2 ** 32
    }
  }

  after(delay, run) {
    const task = { due: this.now + Math.max(0, delay), number: this.#number++, run }
    this.tasks.push(task)
    return task
  }

  cancel(task) {
    this.tasks = this.tasks.filter(other => other !== task)
  }

  /** How long a message, a grant or a step of the database takes. */
  latency() {
    return 1 + this.random() * 4
  }

  async #idle() {
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate)
  }

  /** Lets `milliseconds` pass. */
  async pass(milliseconds) {
    const end = this.now + milliseconds
    for (;;) {
      await this.#idle()
      const next = this.#next()
      if (!next || next.due > end) break
      this.#run(next)
    }
    this.now = end
  }

  /** Lets time pass until the promise is settled. */
  async until(promise) {
    let isSettled = false
    const settle = () => (isSettled = true)
    promise.then(settle, settle)
    await this.when(() => isSettled)
    return promise
  }

  /** Lets time pass until something is so. */
  async when(isSo) {
    const limit = this.now + 3_600_000
    for (;;) {
      await this.#idle()
      if (isSo()) return
      const next = this.#next()
      if (!next || next.due > limit) throw new Error("It would never be.")
      this.#run(next)
    }
  }

  #next() {
    return this.tasks.reduce(
      (first, task) =>
        !first || task.due < first.due || (task.due === first.due && task.number < first.number) ? task : first,
      undefined)
  }

  #run(task) {
    this.cancel(task)
    this.now = Math.max(this.now, task.due)
    task.run()
  }
}

export const answer = (status, body, headers) =>
  new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: { ...(body && { "Content-Type": status < 400 ? "application/json" : "application/problem+json" }), ...headers },
  })

const problem = (status, code, more, headers) => answer(status, { code, ...more }, headers)

/** Pawl, as the table of verdicts in the design has it. A cookie is `session.generation`. */
export class Server {
  accessLifetime = 900
  leeway = 30
  steadyTime = 60
  rememberedNames = 4
  sessions = new Map()
  passwords = new Map([["alice", password], ["bob", password]])
  #tokens = new Map() // access token → { session, until }
  #count = 0
  #tokenCount = 0

  constructor(world) {
    this.world = world
  }

  get seconds() {
    return this.world.now / 1000
  }

  /** → { response, cookie }: the cookie to set, null to clear it, undefined to leave it. */
  handle(method, path, headers, body, cookie) {
    const name = headers.get("Idempotency-Key")
    switch (`${method} ${path}`) {
      case "POST /auth/login":
      case "POST /auth/register": {
        if (this.passwords.get(body.identifier) !== body.password) return { response: problem(401, "invalid_credentials") }
        this.#signOut(cookie, name)
        const session = {
          id: `s${++this.#count}`, subject: body.identifier, generation: 0, names: [], operation: null, rotatedAt: 0,
          device: body.device ?? "", ended: null, authTime: this.seconds,
        }
        this.sessions.set(session.id, session)
        return this.#grant(session, path.endsWith("register") ? 201 : 200)
      }
      case "POST /auth/refresh":
        return this.#turn(cookie, name, "refresh")
      case "POST /auth/reauthenticate":
        return this.#turn(cookie, name, "stepUp", body)
      case "PUT /auth/password":
        return this.#turn(cookie, name, "newPassword", body)
      case "POST /auth/logout": {
        this.#signOut(cookie, name)
        return { response: answer(204), cookie: null }
      }
      case "GET /auth/session": {
        const session = this.bearer(headers)
        if (!session) return { response: refused() }
        return { response: answer(200, this.#describe(session)) }
      }
      case "GET /auth/sessions": {
        const mine = this.bearer(headers)
        if (!mine) return { response: refused() }
        const all = [...this.sessions.values()].filter(other => other.subject === mine.subject && !other.ended)
        return { response: answer(200, { sessions: all.map(one => ({ ...this.#describe(one), current: one === mine })) }) }
      }
    }
    return { response: problem(404, "not_found") }
  }

  /** The session of a good access token. */
  bearer(headers) {
    const token = this.#tokens.get(headers.get("Authorization")?.replace("Bearer ", ""))
    return token && token.until > this.seconds && !token.session.ended ? token.session : undefined
  }

  session(cookie) {
    return cookie ? this.sessions.get(cookie.split(".")[0]) : undefined
  }

  #describe(session) {
    return {
      id: session.id, subject: session.subject, user_agent: "Firefox", roles: ["editor"], auth_time: `${session.authTime}`,
    }
  }

  /** What would be reuse at a refresh is reuse here. */
  #signOut(cookie, name) {
    const session = this.session(cookie)
    if (!session || session.ended) return
    session.ended = this.#decide(session, Number(cookie.split(".")[1]), name) === "reuse" ? "reused" : "signed_out"
  }

  #turn(cookie, name, operation, body) {
    const session = this.session(cookie)
    if (!session) return { response: problem(401, "invalid_refresh_token") }
    const verdict = this.#decide(session, Number(cookie.split(".")[1]), name, operation)
    if (verdict === "stale") return { response: problem(401, "session_ended", { reason: "stale" }) }
    if (verdict === "ended") return { response: problem(401, "session_ended", { reason: session.ended }) }
    if (verdict === "reuse") {
      session.ended = "reused"
      return { response: problem(401, "session_ended", { reason: "reused" }) }
    }
    const conflict = { response: problem(409, "refresh_conflict", {}, { "Retry-After": "1" }) }
    if (verdict === "conflict") return conflict
    if (verdict === "steady") return this.#grant(session, 200, true)
    if (verdict === "replay") {
      if (operation !== "refresh" && (!name || session.operation !== operation)) return conflict
      return this.#grant(session, 200, true)
    }
    if (operation !== "refresh") {
      if (this.passwords.get(session.subject) !== (body.password ?? body.current)) {
        return { response: problem(403, "wrong_password") }
      }
      session.authTime = this.seconds
      if (operation === "newPassword") this.passwords.set(session.subject, body.new)
    }
    session.generation++
    session.names = [name, ...session.names].slice(0, this.rememberedNames)
    session.operation = operation
    session.rotatedAt = this.seconds
    return this.#grant(session)
  }

  #decide(session, generation, name, operation) {
    if (session.ended) return "ended"
    if (generation === session.generation) {
      const isYoung = this.seconds - session.rotatedAt < this.steadyTime
      return operation === "refresh" && name && name === session.names[0] && isYoung ? "steady" : "rotate"
    }
    const gap = session.generation - generation
    const spentBy = session.names[gap - 1]
    const isFresh = this.seconds - session.rotatedAt < this.leeway
    if (gap === 1) {
      if (name && name === spentBy) return "replay"
      if (isFresh) return !name && !spentBy ? "replay" : "conflict"
    } else if (name && name === spentBy) {
      return isFresh ? "conflict" : "stale"
    }
    return "reuse"
  }

  #grant(session, status = 200, repeated = undefined) {
    const token = `token-${++this.#tokenCount}`
    this.#tokens.set(token, { session, until: this.seconds + this.accessLifetime })
    const grant = {
      access_token: token, token_type: "Bearer", expires_in: this.accessLifetime, refresh_token_timeout: 2_592_000,
      authorization_expires_in: 7_776_000, session_id: session.id, subject: session.subject,
      repeated,
    }
    return { response: answer(status, grant), cookie: `${session.id}.${session.generation}` }
  }
}

const refused = () =>
  problem(401, "invalid_token", {}, { "WWW-Authenticate": 'Bearer realm="pawl", error="invalid_token"' })

/** A profile: what its tabs share. */
export class Browser {
  cookie = null
  written = [] // what the cookie was before, and until when, the latest first: the disk lags half a minute behind
  databases = new Map()
  hasDatabases = true
  databasesFail = false
  forgetsFrozen = false // whether answers to frozen tabs are lost
  messageDelay = 0
  #underWay = new Set()
  locks = { held: null, queue: [] } // of the one name that a test uses
  hasLocks = true
  tabs = []

  constructor(world) {
    this.world = world
  }

  /** @returns a page's `window`, with `pawl` in it. */
  open(options = {}) {
    const tab = new Tab(this)
    this.tabs.push(tab)
    tab.pawl = createPawl({ baseURL: pawlURL, apiOrigins: [apiURL], ...options }, tab)
    for (const type of ["signedin", "signedout", "refreshed", "stolen", "changed"]) {
      tab.pawl.on(type, ({ type, subject, sessionID, reason, previous }) =>
        tab.events.push([type, ...[subject, sessionID, reason, previous?.sessionID].filter(Boolean)].join(" ")))
    }
    return tab
  }

  get record() {
    return [...this.databases.values()][0]?.values.get(0) ?? {}
  }

  setCookie(cookie) {
    if (cookie === undefined) return
    const isRecent = ({ until }) => this.world.now - until < 30_000
    this.written = [{ cookie: this.cookie, until: this.world.now }, ...this.written.filter(isRecent)]
    this.cookie = cookie
  }

  /** `kill -9`: the tabs are gone, and so are the newest cookies, as many as `lost`; what the database wrote stays. */
  crash(lost = 1) {
    for (const tab of this.tabs) tab.kill()
    this.tabs = []
    this.cookie = this.written[lost - 1].cookie
    this.written = []
  }

  /** A request to Pawl and its answer, with the next of the faults: `lose` (before the server), `drop` (the answer),
   *  `stall` (never an answer, and the server sees the request later, given up or not), a status instead of an answer,
   *  or milliseconds that it takes. */
  async request(tab, path, request) {
    const { world } = this
    const body = request.body && JSON.parse(await request.text())
    world.requests.push(`${request.method} ${path}`)
    this.onRequest?.(path, request, this.#underWay.size)
    const fault = world.faults.shift()
    const cookie = request.credentials === "include" ? this.cookie : null
    const judge = () => world.server.handle(request.method, path, request.headers, body, cookie)
    this.#underWay.add(request)
    return new Promise((resolve, reject) => {
      const fail = () => reject(new TypeError("Failed to fetch"))
      let isGivenUp = false
      const giveUp = () => {
        isGivenUp = true
        reject(request.signal.reason)
      }
      request.signal.addEventListener("abort", giveUp)
      tab.whenKilled.add(giveUp)
      const way = typeof fault === "number" && fault >= 1000 ? fault : 10 + world.random() * 20
      if (fault === "lose") return world.after(way, () => tab.run(fail))
      if (fault === "stall") return world.after(15_000, judge)
      if (fault?.status) return world.after(way, () => tab.run(() => resolve(problem(fault.status, fault.code, { reason: fault.reason }, fault.headers))))
      world.after(way, () => {
        const { response, cookie: newCookie } = judge()
        if (fault === "drop") return world.after(way, () => tab.run(fail))
        world.after(way, () => {
          if (isGivenUp) return
          if (tab.isFrozen && this.forgetsFrozen) return tab.run(fail)
          this.setCookie(newCookie) // the browser's doing: it does not wait for a frozen tab
          tab.run(() => resolve(response))
        })
      })
    }).finally(() => this.#underWay.delete(request))
  }
}

class Tab {
  events = []
  document = { visibilityState: "visible" }
  crypto = webcrypto
  Request = Request
  location = { href: "https://app.example.com/" }
  unfinished = new Set() // transactions
  whenKilled = new Set()
  #isKilled = false
  #waiting // what a frozen tab will do when it thaws
  #listeners = {}

  constructor(browser) {
    const tab = this
    const { world } = browser
    this.browser = browser
    this.id = `tab-${browser.tabs.length + 1}-${Math.floor(world.now)}`
    const origin = world.now - 3_600_000 * (1 + browser.tabs.length) // every page counts from another moment
    this.performance = { now: () => world.now - origin }
    this.navigator = browser.hasLocks ? { locks: new Locks(this) } : {}
    if (browser.hasDatabases) this.indexedDB = new Databases(this)
    this.BroadcastChannel = class {
      constructor(name) {
        Object.assign(this, { name, tab })
        tab.channel = this
      }

      postMessage(data) {
        const copy = structuredClone(data)
        for (const other of browser.tabs) {
          const { channel } = other
          if (other === tab || channel?.name !== this.name) continue
          world.after(browser.messageDelay + world.latency(), () => other.run(() => channel === other.channel && channel.onmessage({ data: copy })))
        }
      }

      close() {
        if (tab.channel === this) tab.channel = undefined
      }
    }
  }

  /** Does something in the tab, if it still is and when it is not frozen. */
  run(task) {
    if (this.#isKilled) return
    if (this.#waiting) this.#waiting.push(task)
    else task()
  }

  kill() {
    this.#isKilled = true
    this.channel = undefined
    for (const work of [...this.unfinished, ...this.whenKilled]) work()
    this.navigator.locks?.leave()
  }

  close() {
    this.kill()
    this.browser.tabs = this.browser.tabs.filter(tab => tab !== this)
  }

  get isFrozen() {
    return Boolean(this.#waiting)
  }

  freeze() {
    this.#waiting = []
  }

  thaw() {
    const tasks = this.#waiting
    this.#waiting = undefined
    for (const task of tasks) this.run(task)
    this.fire("resume")
  }

  setTimeout(run, delay, ...parameters) {
    return this.browser.world.after(delay, () => this.run(() => run(...parameters)))
  }

  clearTimeout(task) {
    this.browser.world.cancel(task)
  }

  addEventListener(type, listener) {
    ;(this.#listeners[type] ??= []).push(listener)
  }

  fire(type, event = {}) {
    for (const listener of this.#listeners[type] ?? []) listener(event)
  }

  async fetch(input, init) {
    const request = new Request(input, init)
    request.signal.throwIfAborted()
    this.lastRequest = request
    if (request.url.startsWith(apiURL)) return this.browser.world.api(request)
    if (!request.url.startsWith(pawlURL)) return answer(200, { authorization: request.headers.get("Authorization") })
    return this.browser.request(this, request.url.slice(pawlURL.length), request)
  }
}

class Locks {
  constructor(tab) {
    this.tab = tab
    this.state = tab.browser.locks
  }

  async query() {
    await this.#latency()
    const { held } = this.state
    return { held: held ? [{ name: held.name, clientId: held.tab.id }] : [] }
  }

  request(name, options, work) {
    return new Promise((resolve, reject) => {
      const request = { name, work, resolve, reject, tab: this.tab }
      const { state } = this
      if (options.steal) {
        const robbed = state.held
        if (robbed) robbed.tab.run(() => robbed.reject(new DOMException("The lock was stolen.", "AbortError")))
        state.held = null
        state.queue.unshift(request)
      } else {
        state.queue.push(request)
        options.signal.addEventListener("abort", () => {
          if (!state.queue.includes(request)) return
          state.queue = state.queue.filter(other => other !== request)
          reject(options.signal.reason)
        })
      }
      this.#grant()
    })
  }

  leave() {
    const { state } = this
    state.queue = state.queue.filter(request => request.tab !== this.tab)
    if (state.held?.tab === this.tab) state.held = null
    this.#grant()
  }

  #grant() {
    const { state } = this
    const { world } = this.tab.browser
    if (state.held || !state.queue.length) return
    const request = (state.held = state.queue.shift())
    world.after(world.latency(), () =>
      request.tab.run(() => {
        const release = () => {
          if (state.held === request) state.held = null
          this.#grant()
        }
        const working = request.work()
        working.then(request.resolve, request.reject)
        working.then(release, release)
      }))
  }

  #latency() {
    return new Promise(resolve => {
      const { tab } = this
      tab.browser.world.after(tab.browser.world.latency(), () => tab.run(resolve))
    })
  }
}

/** As much of IndexedDB as it takes: transactions one after the other, each done wholly or not at all. */
class Databases {
  constructor(tab) {
    this.tab = tab
  }

  #later(run) {
    const { tab } = this
    tab.browser.world.after(tab.browser.world.latency(), () => tab.run(run))
  }

  open(name) {
    const { databases } = this.tab.browser
    const request = {}
    this.#later(() => {
      if (this.tab.browser.databasesFail) return request.onerror()
      if (!databases.has(name)) databases.set(name, { values: new Map(), last: Promise.resolve() })
      const database = databases.get(name)
      request.result = {
        createObjectStore() {},
        transaction: (_, mode, { durability }) => this.#transaction(database, mode, durability),
        close() {},
      }
      request.onsuccess()
    })
    return request
  }

  #transaction(database, mode, durability) {
    if (mode !== "readwrite" || durability !== "strict") throw new Error("The record would not survive a crash.")
    const transaction = {}
    const steps = []
    const writes = []
    let finish
    const before = database.last
    const { tab } = this
    database.last = new Promise(resolve => (finish = resolve))
    tab.unfinished.add(finish) // a transaction of a page that dies is as if it had not been
    before.then(() => {
      const step = () =>
        this.#later(() => {
          const next = steps.shift()
          if (next) {
            next()
            return step()
          }
          for (const [key, value] of writes) database.values.set(key, value)
          tab.unfinished.delete(finish)
          finish()
          this.#later(() => transaction.oncomplete())
        })
      step()
    })
    transaction.objectStore = () => ({
      get(key) {
        const request = {}
        steps.push(() => {
          request.result = structuredClone(database.values.get(key))
          request.onsuccess?.()
        })
        return request
      },
      put(value, key) {
        steps.push(() => writes.push([key, structuredClone(value)]))
      },
    })
    return transaction
  }
}

export const credentials = { identifier: "alice", password }

/** Alice, signed in in one tab. */
export async function signedIn(world = new World(), browser = new Browser(world)) {
  const tab = browser.open()
  await world.until(tab.pawl.signIn(credentials))
  return { world, browser, tab }
}

export const refreshes = world => world.requests.filter(request => request === "POST /auth/refresh").length
