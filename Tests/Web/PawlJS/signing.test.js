// Who is signed in: signing in and out, and that one session is never taken for another.

import assert from "node:assert/strict"
import test from "node:test"
import { Browser, World, apiURL, credentials, password, refreshes, signedIn } from "./World.js"

const minute = 60_000
const bob = { ...credentials, identifier: "bob" }

test("signing in gives the session, and tells all tabs", async () => {
  const world = new World()
  const browser = new Browser(world)
  const [tab, other] = [browser.open(), browser.open()]
  await world.until(other.pawl.session())
  const session = await world.until(tab.pawl.register({ ...credentials, device: "Desk" }))
  const { sessionID, subject, userAgent, roles, expiresIn } = session
  assert.deepEqual({ sessionID, subject, userAgent, roles }, {
    sessionID: "s1", subject: "alice", userAgent: "Firefox", roles: ["editor"],
  })
  assert.ok(expiresIn > 890 && expiresIn <= 900)
  await world.pass(100)
  assert.deepEqual(tab.events, ["signedin alice s1"])
  assert.deepEqual(other.events, ["signedin alice s1"])
  assert.deepEqual((await world.until(other.pawl.sessions())).map(({ id, current }) => [id, current]), [["s1", true]])
})

test("signing in as somebody else ends the old session, and is announced everywhere", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  await world.until(other.pawl.signIn(bob))
  await world.pass(100)
  assert.equal(tab.events.at(-1), "changed bob s2 s1")
  assert.equal(other.events.at(-1), "changed bob s2 s1")
  assert.equal(world.server.sessions.get("s1").ended, "signed_out")
})

test("a session that changed at another origin is announced by the next refresh", async () => {
  const { world, browser, tab } = await signedIn()
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), bob, browser.cookie).cookie)
  await world.pass(15 * minute)
  assert.deepEqual(tab.events.slice(1), ["changed bob s2 s1"])
})

test("a page that comes back on the way back looks who is signed in", async () => {
  const { world, browser, tab } = await signedIn()
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), bob, browser.cookie).cookie)
  tab.fire("pageshow", { persisted: true })
  await world.pass(1_000)
  assert.deepEqual(tab.events.slice(1), ["changed bob s2 s1"])
})

test("who asks who is signed in hears who is, not who was", async () => {
  const { world, browser, tab } = await signedIn()
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), bob, browser.cookie).cookie)
  assert.equal((await world.until(tab.pawl.session())).subject, "bob")
  assert.equal(tab.lastRequest.credentials, "omit", "the token says who asks, not the cookie")
})

test("a tab that has missed what was told finds out when it is seen", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  browser.messageDelay = 100 * minute
  await world.until(other.pawl.signIn(bob))
  assert.equal(tab.events.length, 1)
  tab.fire("visibilitychange")
  await world.pass(5_000)
  assert.deepEqual(tab.events.slice(1), ["changed bob s2 s1"])
})

test("a call that began as one is not carried on as another", async () => {
  const { world, browser, tab } = await signedIn()
  tab.document.visibilityState = "hidden"
  await world.pass(16 * minute)
  const call = tab.pawl.fetch(apiURL)
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), bob, browser.cookie).cookie)
  await assert.rejects(world.until(call), { code: "session_changed", isTemporary: false })

  const asked = []
  world.api = request => {
    asked.push(request.headers.get("Authorization"))
    return world.refused()
  }
  const second = tab.pawl.fetch(apiURL)
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), credentials, browser.cookie).cookie)
  assert.equal((await world.until(second)).status, 401)
  assert.equal(asked.length, 1)
  assert.equal(tab.events.at(-1), "changed alice s3 s2")
})

test("a step-up as one is not carried on as another", async () => {
  const { world, browser, tab } = await signedIn()
  world.faults = ["lose"]
  const stepUp = tab.pawl.reauthenticate(password)
  await world.when(() => !world.faults.length)
  browser.setCookie(world.server.handle("POST", "/auth/login", new Headers(), bob, browser.cookie).cookie)
  // Bob's password may be the same. His session steps up, but Alice's page does not take it for hers.
  await assert.rejects(world.until(stepUp), { code: "session_changed" })
  assert.equal(tab.events.at(-1), "changed bob s2 s1")
})

test("what a listener throws is its own affair, and it can be removed", async () => {
  const { world, tab } = await signedIn()
  const thrown = []
  const runners = process.listeners("uncaughtException")
  process.removeAllListeners("uncaughtException")
  process.on("uncaughtException", error => thrown.push(error.message)) // where a browser would write to its console
  const remove = tab.pawl.on("refreshed", () => {
    throw new Error("a listener's")
  })
  await world.pass(15 * minute)
  remove()
  await world.pass(15 * minute)
  process.removeAllListeners("uncaughtException")
  for (const runner of runners) process.on("uncaughtException", runner)
  assert.deepEqual(thrown, ["a listener's"])
  assert.deepEqual(tab.events.slice(1), ["refreshed alice s1", "refreshed alice s1"])
})

test("P8: signing out in one tab signs out all, at once", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  await world.until(tab.pawl.signOut())
  await world.pass(10)
  for (const one of browser.tabs) {
    assert.equal(one.events.at(-1), "signedout alice s1 signed_out")
    await assert.rejects(world.until(one.pawl.fetch(apiURL)), { name: "PawlError", status: 401 })
  }
  assert.equal(world.server.sessions.get("s1").ended, "signed_out")
  assert.equal(browser.cookie, null)
})

test("P8: a sign-out beats a refresh in flight, in whichever tab", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { world, browser, tab } = await signedIn(new World(seed))
    const other = browser.open()
    await world.until(other.pawl.session())
    other.document.visibilityState = "hidden"
    await world.when(() => refreshes(world) === 1)
    await world.pass(seed * 1.5)
    if (seed % 5 === 0) world.faults = ["stall"]
    await world.until((seed % 2 ? tab : other).pawl.signOut())
    await world.pass(20 * minute)
    assert.equal(refreshes(world), 1)
    for (const one of browser.tabs) {
      assert.equal(await world.until(one.pawl.session()), null)
      assert.equal(one.events.at(-1), "signedout alice s1 signed_out")
    }
    assert.equal(world.server.sessions.get("s1").ended, "signed_out")
    assert.equal(browser.record.signOut, false)
  }
})

test("a sign-in as somebody else during a refresh leaves nobody with the old session", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { world, browser, tab } = await signedIn(new World(seed))
    const other = browser.open()
    await world.until(other.pawl.session())
    other.document.visibilityState = "hidden"
    await world.when(() => refreshes(world) === 1)
    await world.pass(seed * 1.5)
    await world.until((seed % 2 ? tab : other).pawl.signIn(bob))
    await world.pass(20 * minute)
    for (const one of browser.tabs) assert.equal((await world.until(one.pawl.session())).subject, "bob")
  }
})

test("a page may leave when it hears that it is signed out: the server knows", async () => {
  const { world, tab } = await signedIn()
  let ended
  tab.pawl.on("signedout", () => (ended = world.server.sessions.get("s1").ended))
  await world.until(tab.pawl.signOut())
  assert.equal(ended, "signed_out")
})

test("a sign-in during a sign-out in another tab, and the reverse, leave all tabs as the server is", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { world, browser, tab } = await signedIn(new World(seed))
    const other = browser.open()
    await world.until(other.pawl.session())
    const calls = [tab.pawl.signOut(), world.pass(seed * 2).then(() => other.pawl.signIn(bob))]
    if (seed % 2) calls.reverse()
    await world.until(Promise.allSettled(calls))
    await world.pass(minute)
    const inForce = world.server.session(browser.cookie)
    const expected = inForce?.ended === null ? inForce.id : undefined
    for (const one of browser.tabs) assert.equal((await world.until(one.pawl.session()))?.sessionID, expected)
  }
})

test("a sign-out does not wait for a refresh", async () => {
  const { world, browser, tab } = await signedIn()
  const other = browser.open()
  await world.until(other.pawl.session())
  other.document.visibilityState = "hidden"
  for (const one of [tab, other]) {
    world.faults = ["stall"]
    const count = refreshes(world)
    await world.when(() => refreshes(world) > count)
    await world.pass(100)
    const began = world.now
    await world.until(one.pawl.signOut())
    assert.ok(world.now - began < 1_000)
    await world.until(tab.pawl.signIn(credentials))
  }
})

// A sign-out that the server has not heard of, and what carries it out.
const reminders = {
  "the network's return": ({ tab }) => tab.fire("online"),
  "some time": ({ world }) => world.pass(minute),
  "the next page": ({ tab, browser }) => {
    tab.close()
    browser.open()
  },
  "the next question": ({ tab, browser, world }) => {
    tab.close()
    return world.until(browser.open().pawl.session())
  },
}
for (const [name, remind] of Object.entries(reminders)) {
  test(`a sign-out while offline is carried out by ${name}`, async () => {
    const { world, browser, tab } = await signedIn()
    world.faults = ["lose"]
    await world.until(tab.pawl.signOut())
    assert.equal(tab.events.at(-1), "signedout alice s1 signed_out")
    assert.equal(world.server.sessions.get("s1").ended, null)
    assert.equal(browser.record.signOut, true)
    await remind({ world, browser, tab })
    await world.pass(1_000)
    assert.equal(world.server.sessions.get("s1").ended, "signed_out")
    assert.equal(browser.record.signOut, false)
    assert.equal(refreshes(world), 0, "nothing refreshes before")
  })
}

test("while a sign-out waits for the network, nobody is signed in", async () => {
  const { world, browser, tab } = await signedIn()
  world.faults = Array(20).fill("lose")
  await world.until(tab.pawl.signOut())
  tab.close()
  const next = browser.open()
  assert.equal(await world.until(next.pawl.session()), null)
  await assert.rejects(world.until(next.pawl.fetch(apiURL)), { status: 401, reason: undefined })
  assert.equal(refreshes(world), 0)
})

test("a sign-in takes the place of a sign-out that was not carried out", async () => {
  const { world, browser, tab } = await signedIn()
  world.faults = ["lose"]
  await world.until(tab.pawl.signOut())
  assert.equal((await world.until(tab.pawl.signIn(bob))).subject, "bob")
  tab.fire("online")
  await world.pass(2 * minute)
  assert.equal(browser.record.signOut, false)
  assert.equal((await world.until(tab.pawl.session())).subject, "bob")
  assert.equal(world.server.sessions.get("s1").ended, "signed_out")
})

test("a sign-out that the server refuses is an error", async () => {
  const { world, tab } = await signedIn()
  world.faults = [{ status: 403, code: "cross_site_request" }]
  await assert.rejects(world.until(tab.pawl.signOut()), { code: "cross_site_request" })
  assert.equal(tab.events.at(-1), "signedout alice s1 signed_out")
})
