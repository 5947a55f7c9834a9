import assert from "node:assert/strict"
import test from "node:test"
import { Browser, World, apiURL, credentials, password, pawlURL, refreshes, signedIn } from "./World.js"

const minute = 60_000

test("six tabs whose tokens expire at once make one refresh, whichever of lock and message comes first", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { world, browser } = await signedIn(new World(seed))
    const tabs = [...browser.tabs, ...Array.from({ length: 5 }, () => browser.open())]
    await world.until(Promise.all(tabs.map(tab => tab.pawl.session())))
    assert.equal(refreshes(world), 0, "new tabs ask the others")
    for (const tab of tabs.slice(1)) assert.deepEqual(tab.events, ["refreshed alice s1"], "and hear each thing once")
    browser.messageDelay = seed % 2 ? 300 : 0
    await world.pass(16 * minute)
    assert.equal(refreshes(world), 1)
    const answers = await world.until(Promise.all(tabs.map(tab => tab.pawl.fetch(apiURL))))
    assert.deepEqual(answers.map(answer => answer.status), Array(6).fill(200))
    assert.equal(refreshes(world), 1)
  }
})

test("the name of an attempt is on disk before the request leaves, and stays after the answer", async () => {
  const { world, browser, tab } = await signedIn()
  let before
  browser.onRequest = (path, request) => {
    if (path === "/auth/refresh") before = { name: request.headers.get("Idempotency-Key"), record: browser.record }
  }
  await world.pass(15 * minute)
  assert.match(before.name, /^[0-9-]{16,}$/)
  assert.equal(before.record.name, before.name)
  assert.equal(before.record.open, true)
  assert.equal(browser.record.name, before.name)
  assert.equal(browser.record.open, false)
  assert.equal(tab.lastRequest.body, null)
})

test("every attempt but a repeated one has a name of its own", async () => {
  const { world, browser } = await signedIn()
  const names = new Set()
  browser.onRequest = (_, request) => names.add(request.headers.get("Idempotency-Key"))
  await world.pass(100 * minute)
  assert.equal(names.size, refreshes(world))
  assert.ok(names.size > 5)
})

for (const fault of ["lose", "drop", "stall", 20_000]) {
  test(`P5: a refresh is repeated under its name: ${fault}`, async () => {
    const { world, browser, tab } = await signedIn()
    const names = []
    browser.onRequest = (_, request, isUnderWay) => {
      assert.equal(isUnderWay, 0, "the earlier request was given up before")
      names.push(request.headers.get("Idempotency-Key"))
    }
    world.faults = [fault]
    await world.pass(16 * minute)
    assert.equal(names.length, 2)
    assert.equal(names[0], names[1])
    assert.deepEqual(tab.events.slice(1), ["refreshed alice s1"])
    await world.pass(60 * minute)
    assert.deepEqual(tab.events.filter(event => !event.startsWith("refreshed")), ["signedin alice s1"])
  })

  test(`a page that dies in a refresh leaves its name to the next: ${fault}`, async () => {
    const { world, browser, tab } = await signedIn()
    world.faults = [fault]
    await world.when(() => refreshes(world) === 1)
    tab.close()
    await world.pass(60 * minute) // long after the leeway
    assert.equal((await world.until(browser.open().pawl.session())).subject, "alice")
  })
}

test("a browser that crashed with its newest cookie unwritten is still signed in", async () => {
  const { world, browser } = await signedIn()
  await world.pass(15 * minute)
  assert.equal(browser.cookie, "s1.1")
  browser.crash()
  assert.equal(browser.cookie, "s1.0")
  await world.pass(60 * minute)
  assert.equal((await world.until(browser.open().pawl.session())).subject, "alice")
  assert.equal(browser.cookie, "s1.1")
})

/** A new page of the browser, that has asked who is signed in. */
async function load({ world, browser }) {
  const tab = browser.open()
  const session = await world.until(tab.pawl.session())
  return { tab, session }
}

// FAULTS B11
test("page loads within a minute get one refresh token, and a crash after five of them heals", async () => {
  const { world, browser, tab } = await signedIn()
  const first = browser.cookie
  let last = tab
  for (let count = 0; count < 5; count++) {
    last.close()
    last = (await load({ world, browser })).tab
    await world.pass(5_000)
  }
  assert.equal(browser.cookie, "s1.1")
  browser.crash(browser.written.findIndex(({ cookie }) => cookie === first) + 1)
  assert.equal(browser.cookie, first)
  await world.pass(60 * minute)
  assert.equal((await load({ world, browser })).session.subject, "alice")
  assert.equal(browser.cookie, "s1.1")
})

// FAULTS B11
test("a request that is stuck over a steady answer and the step-up after it is no theft", async () => {
  const { world, browser, tab } = await signedIn()
  world.server.leeway = 1
  tab.close()
  ;(await load({ world, browser })).tab.close()
  world.faults = ["stall"] // given up after 10 s, and seen by the server after 15
  const next = await load({ world, browser })
  assert.equal(browser.cookie, "s1.1")
  await world.until(next.tab.pawl.reauthenticate(password))
  assert.equal(browser.cookie, "s1.2")
  await world.pass(minute)
  assert.equal(world.server.sessions.get("s1").ended, null)
  await world.until(next.tab.pawl.reauthenticate(password))
})

/** A browser that comes back with a cookie of two turns ago, both by the name that is kept. */
async function withStaleCookie() {
  const { world, browser, tab } = await signedIn()
  tab.close()
  for (let count = 0; count < 3; count++) {
    await world.pass(minute)
    ;(await load({ world, browser })).tab.close()
  }
  assert.equal(browser.cookie, "s1.3")
  browser.setCookie("s1.1") // say by an answer that was stuck on the way
  return { world, browser, session: world.server.sessions.get("s1") }
}

// FAULTS B11
test("a cookie that is too old is signed out at the server, under the kept name, and no theft", async () => {
  const { world, browser, session } = await withStaleCookie()
  const names = []
  browser.onRequest = (path, request) => path === "/auth/logout" && names.push(request.headers.get("Idempotency-Key"))
  await world.pass(minute)
  const { name } = browser.record
  const page = await load({ world, browser })
  assert.equal(page.session, null)
  assert.deepEqual(page.tab.events, ["signedout stale"])
  assert.deepEqual(names, [name])
  assert.equal(session.ended, "signed_out")
  assert.equal(browser.cookie, null)
  assert.equal(browser.record.signOut, false)
  assert.equal((await world.until(page.tab.pawl.signIn(credentials))).sessionID, "s2")
})

// FAULTS B11
test("the sign-out of a cookie that is too old is carried out later if it is lost", async () => {
  const { world, browser, session } = await withStaleCookie()
  await world.pass(minute)
  const page = browser.open()
  page.document.visibilityState = "hidden"
  const call = page.pawl.session()
  await world.when(() => world.requests.at(-1) === "POST /auth/refresh")
  world.faults = ["lose"]
  assert.equal(await world.until(call), null)
  assert.equal(session.ended, null)
  assert.equal(browser.record.signOut, true)
  await world.pass(minute)
  assert.equal(session.ended, "signed_out")
})

// FAULTS B11
test("a record that changed meanwhile keeps a cookie that was too old from being signed out", async () => {
  const { world, browser, session } = await withStaleCookie()
  await world.pass(minute)
  const page = browser.open()
  const call = page.pawl.session()
  await world.when(() => world.requests.at(-1) === "POST /auth/refresh")
  const record = browser.record
  record.at++ // another tab's doing, which lost the lock and found it again
  browser.setCookie("s1.3")
  assert.equal((await world.until(call)).subject, "alice")
  assert.equal(session.ended, null)
})

// FAULTS B11
for (const [act, work] of Object.entries({
  "a sign-in": tab => tab.pawl.signIn(credentials),
  "a registration": tab => tab.pawl.register(credentials),
  "a sign-out": tab => tab.pawl.signOut(),
})) {
  test(`P6: ${act} over one's own old cookie is not recorded as theft`, async () => {
    const { world, browser, session } = await withStaleCookie()
    const tab = browser.open()
    tab.document.visibilityState = "hidden"
    await world.until(work(tab))
    assert.equal(session.ended, "signed_out")
  })
}

// What an answer to a refresh means: whether the session is kept, and what the page hears.
const answers = [
  [{ status: 401, code: "session_ended", reason: "expired" }, ["signedout alice s1 expired"]],
  [{ status: 401, code: "session_ended", reason: "signed_out" }, ["signedout alice s1 signed_out"]],
  [{ status: 401, code: "session_ended", reason: "revoked" }, ["signedout alice s1 revoked"]],
  [{ status: 401, code: "session_ended", reason: "lost" }, ["signedout alice s1 lost"]],
  [{ status: 401, code: "session_ended", reason: "stale" }, ["signedout alice s1 stale"]],
  [{ status: 401, code: "session_ended", reason: "reused" }, ["stolen alice s1 reused", "signedout alice s1 reused"]],
  [{ status: 401, code: "invalid_refresh_token" }, ["signedout alice s1 signed_out"]],
  [{ status: 401 }, []], // a proxy's own
  [{ status: 400, code: "duplicate_cookie" }, []],
  [{ status: 403, code: "cross_site_request" }, []],
  [{ status: 404 }, []],
  [{ status: 409, code: "refresh_conflict", headers: { "Retry-After": "1" } }, []],
  [{ status: 429, code: "too_many_requests", headers: { "Retry-After": "5" } }, []],
  [{ status: 500 }, []],
  [{ status: 502 }, []],
  [{ status: 503, code: "unavailable", headers: { "Retry-After": "1" } }, []],
  [{ status: 503, code: "session_diverged", headers: { "Retry-After": "30" } }, []],
  [{ status: 200 }, []], // a captive portal's
]
for (const [fault, events] of answers) {
  test(`a refresh answered ${fault.status} ${fault.code ?? ""} ${fault.reason ?? ""}`, async () => {
    const { world, browser, tab } = await signedIn()
    const other = browser.open()
    await world.until(other.pawl.session())
    tab.document.visibilityState = other.document.visibilityState = "hidden"
    await world.pass(16 * minute)
    tab.events.length = other.events.length = 0
    const began = world.now
    world.faults = Array(4).fill(fault)
    const error = await world.until(tab.pawl.fetch(apiURL).then(assert.fail, error => error))
    assert.equal(error.name, "PawlError")
    assert.ok(world.now - began < 35_000, "nobody waits for long")
    await world.pass(100)
    assert.deepEqual(tab.events, events)
    assert.deepEqual(other.events, events, "other tabs hear of it")
    if (events.length) {
      assert.equal(error.status, 401)
      assert.equal(error.isTemporary, false)
    } else {
      world.faults = []
      assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 200)
    }
  })
}

test("what is temporary is repeated, later and later, but no earlier than asked", async () => {
  const { world, browser, tab } = await signedIn()
  tab.document.visibilityState = "hidden"
  await world.pass(16 * minute)
  const times = []
  browser.onRequest = () => times.push(world.now)
  world.faults = ["lose", "lose", { status: 429, code: "too_many_requests", headers: { "Retry-After": "9" } }]
  assert.equal((await world.until(tab.pawl.fetch(apiURL))).status, 200)
  const [first, second, third] = times.slice(1).map((time, index) => time - times[index])
  assert.ok(first >= 500 && second >= 1_000 && third >= 9_000, `${first} ${second} ${third}`)
  assert.equal(times.length, 4)
})

test("who would have to wait for long is told how long", async () => {
  const { world, tab } = await signedIn()
  tab.document.visibilityState = "hidden"
  await world.pass(16 * minute)
  world.faults = [{ status: 503, code: "session_diverged", headers: { "Retry-After": "30" } }]
  const error = await world.until(tab.pawl.fetch(apiURL).then(assert.fail, error => error))
  assert.deepEqual(
    [error.status, error.code, error.retryAfter, error.isTemporary], [503, "session_diverged", 30, true])
  assert.equal(refreshes(world), 1)
})

test("a conflict is repeated with the cookie as it then is", async () => {
  const { world, browser, tab } = await signedIn()
  await world.pass(14 * minute)
  const elsewhere = new Headers({ "Idempotency-Key": "another-origin-of-the-site" })
  const { cookie } = world.server.handle("POST", "/auth/refresh", elsewhere, undefined, browser.cookie)
  await world.pass(minute / 2 + 200)
  browser.setCookie(cookie)
  await world.pass(minute)
  assert.equal(refreshes(world), 2)
  assert.equal(browser.cookie, "s1.2")
  assert.deepEqual(tab.events.slice(1), ["refreshed alice s1"])
})

test("a tab that froze with the lock does not hang the others, and does no harm when it thaws", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { world, browser, tab } = await signedIn(new World(seed))
    const others = [browser.open(), browser.open()]
    await world.until(Promise.all(others.map(tab => tab.pawl.session())))
    for (const other of others) other.document.visibilityState = "hidden"
    await world.when(() => browser.locks.held?.tab === tab)
    await world.pass(seed)
    if (tab.unfinished.size) continue // a browser does not freeze a page within a transaction
    tab.freeze()
    await world.pass(2 * minute)
    const began = world.now
    const statuses = await world.until(Promise.all(others.map(async other => (await other.pawl.fetch(apiURL)).status)))
    assert.deepEqual(statuses, [200, 200])
    assert.ok(world.now - began < 60_000)
    tab.thaw()
    await world.pass(60 * minute)
    for (const one of browser.tabs) assert.equal((await world.until(one.pawl.session())).subject, "alice")
  }
})

for (const isOneTab of [false, true]) {
  test(`what is slow, but awake, keeps the lock, ${isOneTab ? "in one tab" : "among tabs"}`, async () => {
    const { world, browser, tab } = await signedIn()
    const [second, third] = isOneTab ? [tab, tab] : [browser.open(), browser.open()]
    await world.until(Promise.all([second.pawl.session(), third.pawl.session()]))
    world.faults = ["stall", 4_500]
    const calls = [tab.pawl.reauthenticate(password)]
    await world.pass(10)
    calls.push(second.pawl.signIn(credentials))
    await world.pass(10)
    calls.push(third.pawl.reauthenticate(password))
    let isUnderWay = 0
    browser.onRequest = (_, request, others) => (isUnderWay += others)
    await world.until(Promise.allSettled(calls))
    assert.equal((await calls[1]).sessionID, "s2")
    assert.equal(isUnderWay, 0)
  })
}

test("a tab that was given the lock while it was frozen, and lost it again, does nothing with it", async () => {
  const { world, browser, tab } = await signedIn()
  const [sleeper, other] = [browser.open(), browser.open()]
  await world.until(Promise.all([sleeper.pawl.session(), other.pawl.session()]))
  world.faults = ["stall"]
  const first = tab.pawl.reauthenticate(password)
  await world.when(() => !world.faults.length)
  const signIn = sleeper.pawl.signIn(credentials)
  await world.pass(1_000)
  sleeper.freeze()
  await world.when(() => browser.locks.held?.tab === sleeper)
  const count = world.requests.length
  const stepUp = other.pawl.reauthenticate(password)
  world.faults = [4_500]
  await world.when(() => world.requests.length > count)
  sleeper.thaw()
  await assert.rejects(world.until(signIn), { code: "network" })
  await world.until(Promise.all([first, stepUp]))
  assert.equal(world.requests.filter(request => request === "POST /auth/login").length, 1)
})

test("a tab that froze between looking and acting looks again", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  tab.document.visibilityState = "hidden"
  browser.messageDelay = 100 * minute
  await world.until(other.pawl.reauthenticate(password)) // of which the tab does not hear
  await world.pass(16 * minute)
  const call = tab.pawl.fetch(apiURL)
  await world.when(() => browser.locks.held?.tab === tab)
  await world.pass(500)
  tab.freeze()
  world.faults = ["stall"]
  const count = world.requests.length
  const stepUp = other.pawl.reauthenticate(password)
  await world.when(() => world.requests.length > count)
  tab.thaw()
  await world.until(Promise.all([call, stepUp]))
  await world.pass(minute)
  assert.equal(world.server.sessions.get("s1").ended, null)
})

test("a page that is seen has a token at hand; one that is not asks for none", async () => {
  const { world, tab } = await signedIn()
  await world.pass(60 * minute)
  assert.equal(refreshes(world), 4)
  tab.document.visibilityState = "hidden"
  await world.pass(60 * minute)
  assert.equal(refreshes(world), 4)
  tab.document.visibilityState = "visible"
  tab.fire("visibilitychange")
  await world.pass(1_000)
  assert.equal(refreshes(world), 5)
})

test("a token is renewed half a minute before its end, or in the last fifth of a shorter life", async () => {
  for (const [life, age] of [[900, 870], [30, 24]]) {
    const world = new World()
    world.server.accessLifetime = life
    await signedIn(world)
    await world.pass((age - 1) * 1000)
    assert.equal(refreshes(world), 0)
    await world.pass(2_000)
    assert.equal(refreshes(world), 1)
  }
})

for (const lack of [{ hasLocks: false }, { hasDatabases: false }, { databasesFail: true }]) {
  test(`without names the leeway has to do: ${Object.keys(lack)}`, async () => {
    const world = new World()
    const browser = Object.assign(new Browser(world), lack)
    browser.onRequest = (_, request) => assert.equal(request.headers.get("Idempotency-Key"), null)
    const { tab } = await signedIn(world, browser)
    const other = browser.open()
    await world.until(other.pawl.session())
    if (browser.hasLocks) {
      await world.pass(16 * minute)
      assert.equal(refreshes(world), 1, "tabs still refresh once")
    }
    world.faults = ["drop"]
    await world.pass(60 * minute)
    assert.equal((await world.until(tab.pawl.session())).subject, "alice")
    assert.equal((await world.until(other.pawl.session())).subject, "alice")
    await world.until(tab.pawl.reauthenticate(password))
    await world.until(tab.pawl.signOut())
    await world.pass(100)
    assert.equal(await world.until(other.pawl.session()), null)
  })
}

// A step-up of which the answer is lost, then what the page, or the next one, does.
const operations = {
  refresh: (world, tab) => world.pass(16 * minute).then(() => world.until(tab.pawl.fetch(apiURL))),
  stepUp: (world, tab) => world.until(tab.pawl.reauthenticate(world.server.passwords.get("alice"))),
  newPassword: (world, tab) => {
    const current = world.server.passwords.get("alice")
    return world.until(tab.pawl.changePassword({ current, new: `${current}!` }))
  },
}
for (const first of ["stepUp", "newPassword"]) {
  for (const then of Object.keys(operations)) {
    for (const isNewPage of [false, true]) {
      test(`P5: ${first} without an answer, then ${then}${isNewPage ? " by the next page" : ""}`, async () => {
        const { world, browser, tab } = await signedIn()
        const count = world.requests.length
        world.faults = ["drop", "lose", "lose", "lose"]
        if (isNewPage) {
          operations[first](world, tab).catch(() => {})
          await world.when(() => world.requests.length > count)
          await world.pass(100)
          tab.close()
          world.faults = []
          await world.pass(60 * minute)
        } else {
          await assert.rejects(operations[first](world, tab), { code: "network", isTemporary: true })
        }
        const next = isNewPage ? browser.open() : tab
        await operations[then](world, next)
        assert.equal((await world.until(next.pawl.session())).sessionID, "s1")
      })
    }
  }
}

test("a step-up whose attempt became a refresh is tried anew", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  world.faults = ["lose", "drop"]
  const stepUp = tab.pawl.reauthenticate(password)
  await world.when(() => world.faults.length === 1)
  other.pawl.reauthenticate(password).catch(() => {})
  await world.when(() => world.faults.length === 0)
  other.close()
  await world.until(stepUp)
  assert.equal(world.server.sessions.get("s1").operation, "stepUp")
})

test("a step-up whose answer was lost is repeated as such, and needs no second proof", async () => {
  const { world, tab } = await signedIn()
  world.faults = ["drop"]
  await world.until(tab.pawl.changePassword({ current: password, new: "another battery" }))
  assert.deepEqual(world.requests.slice(-2), ["PUT /auth/password", "PUT /auth/password"])
  assert.equal(world.server.passwords.get("alice"), "another battery")
})

test("a wrong password ends nothing", async () => {
  const { world, tab } = await signedIn()
  for (let count = 0; count < 3; count++) {
    await assert.rejects(world.until(tab.pawl.reauthenticate("wrong")), { status: 403, code: "wrong_password" })
  }
  await world.until(tab.pawl.reauthenticate(password))
  assert.equal((await world.until(tab.pawl.session())).sessionID, "s1")
})

test("P6: a stolen token that its thief used shows", async () => {
  const { world, browser, tab } = await signedIn()
  world.server.handle("POST", "/auth/refresh", new Headers({ "Idempotency-Key": "the-thief's-own-name" }), undefined, browser.cookie)
  await world.pass(16 * minute)
  assert.deepEqual(tab.events.slice(1), ["stolen alice s1 reused", "signedout alice s1 reused"])
  const later = browser.open()
  assert.equal(await world.until(later.pawl.session()), null)
  assert.deepEqual(later.events, ["stolen reused", "signedout reused"])
})

test("two Pawls on one origin do not mix", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open({ baseURL: `${pawlURL}/other` })
  await world.pass(1_000)
  await world.until(other.pawl.session().catch(() => {}))
  assert.deepEqual(other.events, [])
  assert.equal(browser.databases.size, 2)
  assert.equal(tab.events.length, 1)
})

test("the page's clock is never set", async () => {
  const { world, tab } = await signedIn()
  const { now } = Date
  Date.now = () => assert.fail("The wall clock was read.")
  try {
    await world.until(tab.pawl.fetch(apiURL))
    await world.pass(30 * minute)
    assert.equal(refreshes(world), 2)
  } finally {
    Date.now = now
  }
})

test("nobody is signed in, and the page is not told that somebody is not any more", async () => {
  const world = new World()
  const tab = new Browser(world).open()
  assert.equal(await world.until(tab.pawl.session()), null)
  assert.deepEqual(tab.events, [])
  await assert.rejects(world.until(tab.pawl.signIn({ ...credentials, password: "wrong" })), { code: "invalid_credentials" })
  assert.deepEqual(tab.events, [])
})
