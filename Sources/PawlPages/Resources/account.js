// The account pages: they show what pawl.js says and do what its reader clicks.

import { createPawl, PawlError } from "/pawl.js"

const pawl = createPawl({ baseURL: location.origin })
const { page, publicUrl } = document.body.dataset
const $ = id => document.getElementById(id)
const isFront = page === "sign-in" || page === "register" // where nobody is signed in

// ---- Words

const endings = {
  signed_out: ["You are signed out."],
  expired: ["You were signed out.", "You have not been here for a long time."],
  revoked: ["You were signed out.", "This session was ended from another device, by a change of password, by newer sign-ins, or by the operator of this server."],
  lost: ["You were signed out.", "The server lost its record of this session."],
  refused: ["Allow cookies for this site.", "This browser blocks cookies, and you cannot stay signed in without them."],
  not_kept: [
    "This browser did not keep you signed in.",
    location.protocol === "http:"
      ? "Your name and password are right, but some browsers, such as Safari, do not keep a sign-in cookie over http. Use Chrome, Edge or Firefox here, or open these pages over https."
      : "Your name and password are right, but this browser did not keep the sign-in cookie. Allow cookies for this site, then sign in again.",
  ],
  stale: ["Sign in again.", "This browser has an old copy of your session that no longer works."],
  reused: [
    "Somebody may have copied your session.",
    "The key that keeps you signed in was used from a second place. It no longer works. Sign in, sign out devices that you do not recognize, and change your password. If this happens again, check this computer for unwanted software.",
  ],
}

const refusals = {
  invalid_credentials: "Wrong name or password.",
  wrong_password: "The password is wrong.",
  step_up_locked: "Too many wrong passwords. Sign out and sign in again.",
  identifier_taken: "This name is already in use. Sign in, or choose another one.",
  registration_closed: "Only the operator of this server can create accounts.",
  too_short: "The password is too short.",
  common: "This password is easy to guess: it is on the lists that attackers try first, or made of such passwords. Choose another.",
  contains_identifier: "The password contains your name and little else. Choose another.",
  session_changed: "Somebody else has signed in here in the meantime.",
  header_fields_too_large: "This browser sends too much data with each request. Delete the cookies of this site, then open this page again.",
  cross_site_request: `Open this page at its own address: ${publicUrl}/account`,
}

function words(error) {
  if (error.status === 429) return "Too many attempts. Wait a little, then try again."
  if (error.status === 431) return refusals.header_fields_too_large // a proxy says it without a code
  const known = refusals[error.reason] ?? refusals[error.code]
  if (known) return known
  return error.isTemporary ? "The server cannot be reached. Try again in a moment." : error.message
}

function element(name, text, attributes) {
  const result = Object.assign(document.createElement(name), attributes)
  result.textContent = text
  return result
}

/** One at a time, read out by screen readers. */
function notify([title, text], kind = "") {
  const notice = element("div", "", { className: `notice ${kind}` })
  notice.append(element("strong", title))
  if (text) notice.append(element("p", text))
  $("notice").replaceChildren(notice)
}

function tellEnding(reason) {
  notify(endings[reason] ?? ["You were signed out."], reason === "reused" ? "danger" : "")
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" })
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" })
const units = [["day", 86400], ["hour", 3600], ["minute", 60]]

function showTime(place, time, now) {
  const seconds = (Date.parse(time) - now) / 1000
  const [unit, length] = units.find(([, length]) => -seconds >= length) ?? ["second", 1]
  place.dateTime = time
  place.title = absolute.format(Date.parse(time))
  place.textContent = unit === "second" ? "just now" : relative.format(Math.round(seconds / length), unit)
}

/** A day, since nobody plans by the minute. */
function showDay(place, time) {
  place.dateTime = time
  place.title = absolute.format(Date.parse(time))
  place.textContent = day.format(Date.parse(time))
}

/** Outlines of a phone, a tablet and a computer. */
const icons = [
  [/iPad/, "M6 2h12a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm4 17h4"],
  [/iPhone|Android|Mobile/, "M8 2h8a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm3 17h2"],
  [/./, "M4 4h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zm-2 16h20"],
]

/** A browser and a system in words, if they are among the common ones. */
function readable(agent) {
  const find = names => names.find(([pattern]) => pattern.test(agent))?.[1]
  const browser = find([
    [/Edg\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\//, "Firefox"], [/Chrom(e|ium)\//, "Chrome"], [/Safari\//, "Safari"],
  ])
  const system = find([
    [/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/Linux/, "Linux"],
  ])
  return [browser, system].filter(Boolean).join(" on ") || agent
}

// ---- Doing things

let isGoing, hasLeft

/** Notes are for the next page of this tab, once. In the address, any link could leave one. */
const notes = (() => {
  try {
    return sessionStorage
  } catch {
    return undefined // a browser that refuses cookies may refuse this instead of saying so
  }
})()
const refusesCookies = !notes || !navigator.cookieEnabled
const leaveNote = (name, text) => notes?.setItem(name, text)

function takeNote(name) {
  const text = notes?.getItem(name)
  notes?.removeItem(name)
  return text
}

/** Goes to another page, once: a second navigation would break the first one off. */
function go(path) {
  if (!isGoing) location.replace(`/account${path}`)
  isGoing = true
}

/** Goes where somebody who has signed in wants to be. No script can see whether the browser kept the cookie, so it is the
 *  next page that finds out. */
function goIn() {
  leaveNote("entered", "yes")
  go(takeNote("wanted") || "")
}

/** Leaves for the sign-in page, which tells why; from there the way leads back to the password, if that was wanted. If
 *  that page cannot be loaded, this one tells it, and nothing else. */
async function leave(ending) {
  if (hasLeft) return
  hasLeft = true
  for (const node of [$("nav"), ...$("main").children]) node.hidden = node !== $("notice")
  $("proof")?.close()
  if (await fetch("/account/sign-in").then(({ ok }) => ok, () => false)) {
    if (ending) leaveNote("ending", ending)
    leaveNote("wanted", page === "password" && ending !== "signed_out" ? "/password" : "")
    return go("/sign-in")
  }
  if (ending !== "signed_out") tellEnding(ending)
  else notify(["You are signed out.", "The server cannot be reached. Keep this page open until it can be."])
  $("main").focus()
}

/** For answers that pawl.js hands through. */
async function expectDone(response) {
  if (response.ok) return response
  const problem = await response.json().catch(() => ({}))
  throw new PawlError(response.status, problem, Number(response.headers.get("Retry-After")) || undefined)
}

const atFault = {
  identifier_taken: "[name=identifier]", invalid_request: "[name=identifier]",
  password_refused: "[autocomplete=new-password]",
}

/** Runs `work` when the form is sent; says beside its fields what went wrong. */
function onSubmit(form, work) {
  const button = form.querySelector(".primary")
  const alert = form.querySelector(".alert")
  form.addEventListener("submit", async event => {
    event.preventDefault()
    if (button.disabled) return
    button.disabled = true
    for (const button of form.querySelectorAll(".reveal")) reveal(button, false)
    alert.textContent = ""
    let wait = 0
    try {
      await work(Object.fromEntries(new FormData(form)))
    } catch (error) {
      alert.textContent = words(error)
      if (error.status === 429) wait = error.retryAfter ?? 1
      form.querySelector(atFault[error.code] ?? "[type=password]").focus()
    }
    const label = button.textContent
    for (; wait > 0; wait--) {
      button.textContent = `${label} (in ${wait} s)`
      await new Promise(resolve => setTimeout(resolve, 1000))
    }
    button.textContent = label
    button.disabled = false
  })
}

function reveal(button, isShown) {
  const words = isShown ? ["Show", "Hide"] : ["Hide", "Show"]
  $(button.getAttribute("aria-controls")).type = isShown ? "text" : "password"
  button.textContent = words[1]
  button.setAttribute("aria-label", button.getAttribute("aria-label").replace(...words))
}

for (const button of document.querySelectorAll(".reveal")) {
  button.addEventListener("click", () => reveal(button, button.textContent === "Show"))
}

/** Repeats `work` for as long as the server cannot be reached, which signs nobody out. */
async function persist(work) {
  for (let wait = 2; ; wait = Math.min(wait * 2, 30)) {
    try {
      const result = await work()
      if ($("notice").querySelector(".waiting")) $("notice").replaceChildren()
      return result
    } catch (error) {
      if (!error.isTemporary || hasLeft) throw error
      // Another cookie would have come by now: after a crash, this one may be too old.
      if (error.code === "refresh_conflict" && wait > 2) return leave("stale")
      notify(["The server cannot be reached.", "You are still signed in. Trying again …"], "warning waiting")
      await Promise.race([
        new Promise(resolve => setTimeout(resolve, Math.max(wait, error.retryAfter ?? 0) * 1000)),
        new Promise(resolve => addEventListener("online", resolve, { once: true })),
      ])
    }
  }
}

/** Does what needs a fresh proof of identity; asks for it if that is old. */
async function withProof(work) {
  try {
    return await work()
  } catch (error) {
    if (error.code !== "insufficient_user_authentication") throw error
    if (await prove()) return await work()
  }
}

/** Whether the password was given. */
function prove() {
  const dialog = $("proof")
  dialog.querySelector("form").reset()
  dialog.querySelector(".alert").textContent = ""
  dialog.returnValue = "" // some browsers' Escape leaves it as it was
  dialog.showModal()
  return new Promise(resolve => dialog.addEventListener("close", () => resolve(dialog.returnValue === "proven"), { once: true }))
}

// ---- The pages

async function front() {
  const ending = takeNote("ending")
  if (ending) tellEnding(ending)
  const form = $("credentials")
  if (form) {
    onSubmit(form, async credentials => {
      const enter = page === "register" ? pawl.register : pawl.signIn
      await enter({ ...credentials, device: readable(navigator.userAgent) })
      goIn()
    })
  }
  if (refusesCookies) return tellEnding("refused")
  if (await pawl.session().catch(complain)) goIn()
}

function complain(error) {
  if (!hasLeft && !(isFront && error.isTemporary)) notify([words(error)], "danger")
}

async function showIdentity() {
  const hasJustEntered = takeNote("entered")
  const session = await persist(pawl.session)
  if (!session) return leave(hasJustEntered ? "not_kept" : undefined)
  $("nav").hidden = $("who").hidden = false
  const roles = session.roles.length ? ` Roles: ${session.roles.join(", ")}.` : ""
  // In an element of its own, names written from right to left leave the sentence in order.
  $("who").replaceChildren("Signed in as ", element("bdi", session.identifier), `.${roles}`)
  for (const field of document.querySelectorAll("[name=username]")) field.value = session.identifier
  return session
}

async function devices() {
  onSubmit($("proof").querySelector("form"), async ({ password }) => {
    await pawl.reauthenticate(password)
    $("proof").close("proven")
  })
  $("proof").querySelector(".cancel").addEventListener("click", () => $("proof").close("cancelled"))
  $("end-others").addEventListener("click", () =>
    doAndShow(() => pawl.fetch("/auth/logout/others", { method: "POST" }), "All other devices were signed out."))
  $("more").addEventListener("click", async () => {
    pages++
    await lookAgain()
  })
  document.addEventListener("visibilitychange", lookAgain)
  showDevices(await findDevices())
}

let pages = 1 // that are shown

/** The pages of devices that are shown, and this one, on whichever page it is. */
async function findDevices() {
  const found = { sessions: [] }
  const ask = async path => {
    const answer = await persist(async () => expectDone(await pawl.fetch(path, { cache: "no-store" })))
    found.now = Date.parse(answer.headers.get("Date")) // this computer's clock may be wrong
    return answer.json()
  }
  for (let page = 0; page < pages && (page === 0 || found.next); page++) {
    const { sessions, next } = await ask(`/auth/sessions${page ? `?after=${found.next}` : ""}`)
    found.sessions.push(...sessions)
    found.next = next
  }
  if (!found.sessions.some(({ current }) => current)) found.sessions.push(await ask("/auth/session"))
  return found
}

/** Shows the devices, the one that asks first. Focus stays where it was, if that is still there. */
function showDevices({ sessions, next, now }) {
  const { activeElement } = document
  const id = activeElement.closest("[data-id]")?.dataset.id
  sessions.sort((one, other) => other.current - one.current || Date.parse(other.last_used_at) - Date.parse(one.last_used_at))
  $("devices").replaceChildren(...sessions.map(session => item(session, now)))
  document.querySelector(`[data-id="${id}"] [class="${activeElement.className}"]`)?.focus()
  $("more").hidden = !next
  $("end-others").hidden = sessions.length < 2
  $("account").hidden = false
}

/** For who comes back. What they began to write meanwhile stays. */
async function lookAgain() {
  if (document.visibilityState !== "visible") return
  try {
    const found = await findDevices()
    const isEditing = document.querySelector(".rename:not([hidden])") || $("proof").open
    if (!isEditing) showDevices(found)
  } catch (error) {
    complain(error)
  }
}

function item(session, now) {
  const node = $("device").content.cloneNode(true).firstElementChild
  const find = name => node.querySelector(`.${name}`)
  const path = `/auth/sessions/${session.id}`
  const name = session.device || readable(session.user_agent) || "Unnamed device"
  node.dataset.id = session.id
  find("name").textContent = name
  find("badge").hidden = !session.current
  find("address").textContent = session.ip || "Unknown"
  find("address").title = session.user_agent
  showTime(find("used"), session.last_used_at, now)
  showTime(find("since"), session.created_at, now)
  showDay(find("until"), session.expires_at)
  const [, outline] = icons.find(([pattern]) => pattern.test(`${session.user_agent} `))
  find("icon").firstElementChild.setAttribute("d", outline)

  const form = find("rename")
  const edit = isOpen => {
    form.hidden = !isOpen
    find("choices").hidden = isOpen
    ;(isOpen ? form.elements.device : find("rename-it")).focus()
  }
  form.elements.device.value = session.device
  find("rename-it").setAttribute("aria-label", `Rename ${name}`)
  find("rename-it").addEventListener("click", () => edit(true))
  find("cancel").addEventListener("click", () => edit(false))
  form.addEventListener("keydown", event => event.key === "Escape" && edit(false))
  form.addEventListener("submit", event => {
    event.preventDefault()
    edit(false)
    const body = JSON.stringify({ device: form.elements.device.value.trim() })
    const headers = { "Content-Type": "application/json" }
    doAndShow(() => pawl.fetch(path, { method: "PATCH", headers, body }), "Device renamed.", session.id)
  })

  const end = find("end")
  end.setAttribute("aria-label", `Sign out ${name}`)
  if (session.current) end.addEventListener("click", signOut)
  else end.addEventListener("click", () => doAndShow(() => pawl.fetch(path, { method: "DELETE" }), `${name} was signed out.`))
  return node
}

/** Sends a request, shows the devices anew and says that it is done; focus stays by the device `id`, or goes to what is
 *  left. */
async function doAndShow(request, done, id) {
  try {
    const answer = await withProof(async () => expectDone(await request()))
    if (!answer) return
    showDevices(await findDevices())
    notify([done])
    const device = id && document.querySelector(`[data-id="${id}"] .name`)
    ;(device || $("main")).focus()
  } catch (error) {
    complain(error)
  }
}

async function password() {
  const form = $("change")
  form.hidden = false
  onSubmit(form, async ({ current, new: next }) => {
    await pawl.changePassword({ current, new: next })
    form.reset()
    notify(["Password changed.", "Your other devices were signed out."])
    $("main").focus()
  })
}

// ---- What happens meanwhile, here or in another tab

const signOut = () => pawl.signOut().catch(complain)

pawl.on("signedout", ({ reason }) => (isFront ? tellEnding(reason) : leave(reason)))
pawl.on("signedin", () => isFront && goIn())
pawl.on("changed", () => location.reload())
$("sign-out").addEventListener("click", signOut)

if (isFront) front()
else if (refusesCookies) leave()
else {
  showIdentity()
    .then(session => session && { devices, password }[page]())
    .catch(complain)
}
