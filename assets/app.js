// What the pages do beyond links and forms. Everything works without it, but
// for copying and the choice of a theme.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const dialog = () => $("#dialog");
  const inDialog = (el) => el instanceof Element && el.closest("#dialog") !== null;

  // Notices

  const life = 6000;
  const undoLife = 10000; // as long as the server allows it
  const toaster = () => $("#toaster");
  const picture = (kind) => $(`[data-kind="${kind}"]`, $("#toast-icons").content)?.firstElementChild?.cloneNode(true) ?? "";

  const notify = ({ kind, text, undo }) => {
    kind = ["success", "error", "info"].includes(kind) ? kind : "info";
    const toast = document.createElement("div");
    toast.className = "toast";
    toast.dataset.kind = kind;
    toast.setAttribute("role", kind === "error" ? "alert" : "status");
    const words = document.createElement("p");
    const close = document.createElement("button");
    close.type = "button";
    close.setAttribute("aria-label", "Close notification");
    close.append(picture("close"));
    toast.append(picture(kind), words);
    if (undo) {
      const form = picture("undo");
      form.setAttribute("action", undo);
      form.setAttribute("hx-post", undo);
      form.addEventListener("htmx:afterOnLoad", () => leave());
      htmx.process(form);
      toast.append(form);
    }
    toast.append(close);
    toaster().append(toast);
    // Said in a region that is already there, so that it is read out.
    setTimeout(() => (words.textContent = text), 20);

    let timer;
    const leave = () => {
      clearTimeout(timer);
      if (toast.contains(document.activeElement)) focusHeading();
      toast.remove();
    };
    const wait = () => {
      clearTimeout(timer);
      if (kind !== "error") timer = setTimeout(leave, undo ? undoLife : life);
    };
    const stay = () => clearTimeout(timer);
    close.addEventListener("click", leave);
    toast.addEventListener("mouseenter", stay);
    toast.addEventListener("mouseleave", () => toast.contains(document.activeElement) || wait());
    toast.addEventListener("focusin", stay);
    toast.addEventListener("focusout", () => toast.matches(":hover") || wait());
    wait();
  };

  document.addEventListener("notice", (event) => notify(event.detail));

  // Focus

  const focusHeading = () => {
    const heading = $("#main h1") ?? $("#main");
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus();
  };
  const fields = 'input:not([type="hidden"], [readonly], [disabled]), select, textarea';
  const firstField = (root) => {
    const wrong = $('[aria-invalid="true"], [data-invalid] input', root);
    if (wrong) return wrong;
    const field = $(fields, root);
    if (field?.type !== "radio") return field;
    return $(`input[name="${CSS.escape(field.name)}"]:checked`, root) ?? field;
  };

  // The dialog

  let opener = null;
  const openDialog = () => {
    const box = dialog();
    if (!box.open) {
      closeMenus();
      box.showModal();
      box.append(toaster()); // what is outside of an open dialog can be neither read nor pressed
    }
    const body = $("#dialog-body");
    const target = firstField(body) ?? $(".sheet > footer .btn:last-child", body) ?? $("#dialog-title");
    if (target?.id === "dialog-title") target.tabIndex = -1;
    target?.focus();
    if (target?.matches("input[readonly]")) target.select();
  };
  const closed = () => {
    $("#dialog-body").replaceChildren();
    dialog().after(toaster());
    const back = opener;
    opener = null;
    if (back?.isConnected && back.checkVisibility?.() !== false) back.focus();
    else if (back?.isConnected && back.closest("details")) $("summary", back.closest("details")).focus();
    else if (document.activeElement === document.body || !document.activeElement) focusHeading();
  };

  document.addEventListener("htmx:beforeRequest", (event) => {
    const el = event.detail.elt;
    if (event.detail.target?.id === "dialog-body" && !inDialog(el)) opener = el.matches("form") ? $("button", el) : el;
    const button = el.matches("form") ? ($("[type=submit]", el) ?? $("button", el)) : el;
    if (button?.matches(".btn")) button.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const el = event.detail.elt;
    for (const button of [el, ...el.querySelectorAll("[aria-busy]")]) button.removeAttribute("aria-busy");
    // A button that was disabled while it waited has lost the focus.
    setTimeout(() => {
      const fresh = event.detail.target?.id && document.getElementById(event.detail.target.id);
      if (fresh?.matches(".credential") && document.activeElement === document.body) $("aside :is(button, a)", fresh)?.focus();
      const button = el.matches("form") ? $("button[type=submit]", el) : null;
      if (button?.isConnected && document.activeElement === document.body && !button.disabled) button.focus();
    });
  });
  document.addEventListener("htmx:sendError", () => notify({ kind: "error", text: "Portico cannot be reached. Check your connection and try again." }));
  document.addEventListener("htmx:responseError", (event) => {
    const xhr = event.detail.xhr;
    if (!xhr.getResponseHeader("HX-Trigger")) notify({ kind: "error", text: "Something went wrong. Try again in a moment." });
  });

  // A refusal that brings no words of its own is only a notice: what is there stays.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status >= 400 && event.detail.serverResponse.trim() === "") event.detail.shouldSwap = false;
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "dialog-body") return openDialog();
    if (event.target.id === "results") return say(event.target.dataset.said);
    if (event.target.id === "palette-results") return hitsCame();
    if (event.target.id !== "page") return;
    setUp();
    opener = null;
    if (dialog().open) dialog().close();
    window.scrollTo(0, 0);
    focusHeading();
  });

  // Menus

  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  const drawer = (open) => {
    const page = $("#page.admin");
    if (!page || page.classList.contains("menu-open") === open) return;
    page.classList.toggle("menu-open", open);
    $(".wrap", page).inert = open;
    const button = $("[data-open-menu]", page);
    button.setAttribute("aria-expanded", String(open));
    if (open) $('#menu [aria-current="page"], #menu a', page).focus();
    else button.focus();
  };

  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.menu") && event.target.open) closeMenus(event.target);
  }, true);
  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const entries = [...menu.querySelectorAll(".panel :is(a, button)")];
      const at = entries.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      entries.at(at < 0 ? -1 : at % entries.length)?.focus();
      event.preventDefault();
    } else if (event.key === "Escape" && menu) {
      menu.open = false;
      $("summary", menu).focus();
    } else if (event.key === "Escape") {
      drawer(false);
    }
  });

  document.addEventListener("click", (event) => {
    const at = event.target;
    const menu = at.closest("details.menu");
    closeMenus(menu);
    if (menu && at.closest(".panel :is(a, button)")) menu.open = false;

    if (at.closest("[data-open-palette]") && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
      event.preventDefault();
      openPalette();
    } else if (at.closest("[data-close-palette]")) {
      palette().close();
    }

    if (at.closest("[data-open-menu]")) {
      event.preventDefault();
      drawer(true);
    } else if (at.closest("[data-close-menu]")) {
      event.preventDefault();
      drawer(false);
    }

    const cancel = at.closest("[data-cancel]");
    if (cancel && inDialog(cancel) && !(event.metaKey || event.ctrlKey || event.shiftKey)) {
      event.preventDefault();
      dialog().close();
    }

    const theme = at.closest("[data-set-theme]");
    if (theme) {
      document.dispatchEvent(new CustomEvent("portico:theme", { detail: theme.dataset.setTheme }));
      showTheme();
    }

    const copy = at.closest("[data-copy]");
    if (copy) copyFrom(copy);
  });

  const showTheme = () => {
    for (const button of document.querySelectorAll("[data-set-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.setTheme === document.documentElement.dataset.theme));
    }
  };

  // The palette: the focus stays in its field, and the arrows move through the options.

  const palette = () => $("#palette");
  const options = () => [...palette().querySelectorAll("[role=option]")];
  let entered = false; // Enter was pressed before the hits of what is typed were there

  const openPalette = () => {
    if (!palette() || palette().open || dialog().open) return;
    closeMenus();
    const field = $("input", palette());
    field.value = "";
    entered = false;
    palette().showModal();
    field.focus();
    htmx.trigger(field.form, "opened");
  };
  const choose = (option) => {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    const field = $("input", palette());
    if (!option) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const chosen = () => $('[role=option][aria-selected="true"]', palette());
  const go = (option) => {
    palette().close();
    option.click();
  };
  const hitsCame = () => {
    choose(options()[0]);
    $("[role=status]", palette()).textContent = $("#palette-list").dataset.said;
    if (!current()) return;
    if (entered && chosen()) go(chosen());
    entered = false;
  };
  const current = () => $("#palette-list").dataset.query === $("input", palette()).value.trim();
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k" && palette()) {
      event.preventDefault();
      return palette().open ? palette().close() : openPalette();
    }
    if (!event.target.closest?.("#palette input")) return;
    const all = options();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const at = all.indexOf(chosen()) + (event.key === "ArrowDown" ? 1 : -1);
      choose(all.at(at < 0 ? -1 : at % all.length));
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      if (!current()) entered = true;
      else if (chosen()) go(chosen());
    }
  });

  // Copying

  const copyFrom = async (button) => {
    const source = button.dataset.copyFrom && $(button.dataset.copyFrom);
    const label = $("[data-copy-label]", button) ?? button;
    try {
      await navigator.clipboard.writeText(source ? source.value : button.dataset.copy);
    } catch {
      if (source) {
        source.focus();
        source.select();
      }
      notify({ kind: "info", text: source ? "Press Ctrl+C or ⌘C to copy." : "Copying did not work. Your browser does not allow it here." });
      return;
    }
    button.dataset.copyWords ??= label.textContent;
    label.textContent = "Copied";
    say("Copied");
    clearTimeout(button.copyTimer);
    button.copyTimer = setTimeout(() => (label.textContent = button.dataset.copyWords), 2000);
  };

  // say reads words out without showing them.
  const say = (words) => {
    let voice = $("#voice");
    if (!voice) {
      voice = document.createElement("div");
      voice.id = "voice";
      voice.className = "sr-only";
      voice.setAttribute("role", "status");
    }
    toaster().append(voice); // with the notices, which are always where they can be read
    voice.textContent = "";
    setTimeout(() => (voice.textContent = words), 20);
  };

  // The preview of a mail is a frame, to which the form is sent as one types. Each
  // time it is a new frame, so that it leaves nothing for the Back button.

  const preview = (button) => {
    const frame = document.getElementsByName(button.formTarget)[0];
    const fresh = frame.cloneNode();
    fresh.removeAttribute("src");
    frame.replaceWith(fresh);
    button.form.requestSubmit(button);
  };
  let previewing;
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    const button = form && $("[data-preview]", form);
    if (!button) return;
    clearTimeout(previewing);
    previewing = setTimeout(() => button.isConnected && preview(button), 400);
  });

  // Plain forms: a second press sends nothing, and the button says that it waits.

  document.addEventListener("submit", (event) => {
    if (event.submitter?.formTarget) return; // the page stays
    if (event.defaultPrevented || event.target.method === "get") return;
    const pressed = event.submitter ?? $("[type=submit]", event.target);
    setTimeout(() => {
      if (event.defaultPrevented) return;
      pressed?.setAttribute("aria-busy", "true");
      for (const button of event.target.querySelectorAll("[type=submit]")) button.disabled = true;
    });
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const button of document.querySelectorAll("form [type=submit][aria-busy]")) {
      button.removeAttribute("aria-busy");
      for (const other of button.form.querySelectorAll("[type=submit]")) other.disabled = false;
    }
  });

  // Live pages: the server says that something has changed, and the parts of the
  // page that can change by themselves are asked for again. A part in which
  // somebody is busy stays as it is until they are not.

  const patience = 25000; // the server gives a sign of life every 10 seconds
  let source, heard = 0, tried = 0, asked = 0, asking = false, owed = false;
  const liveAt = () => $("#page [data-live]")?.dataset.live;
  const listen = () => {
    const at = document.hidden ? undefined : liveAt();
    if (source && source.at === at && source.readyState !== EventSource.CLOSED) return;
    source?.close();
    source = undefined;
    if (!at) return;
    heard = 0;
    tried = Date.now();
    source = new EventSource(at);
    source.at = at;
    source.addEventListener("beat", () => (heard = Date.now()));
    source.addEventListener("change", () => {
      heard = Date.now();
      refresh();
    });
    // It was refused: the page is no longer this person's, or they are signed out.
    source.addEventListener("error", (event) => {
      if (event.target.readyState === EventSource.CLOSED) refresh();
    });
  };
  const typed = (field) =>
    field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked
    : field.matches("select") ? [...field.options].some((o) => o.selected !== o.defaultSelected)
    : field.value !== field.defaultValue;
  const busy = (part) => {
    const focus = document.activeElement;
    const selection = getSelection();
    return dialog().open || $("details[open], dialog[open], .htmx-request, [aria-busy]", part) !== null
      || part.contains(focus) && focus.matches(fields)
      || [...part.querySelectorAll(fields)].some(typed)
      || !selection.isCollapsed && selection.containsNode(part, true);
  };
  // The element of a new part that is what el is in the old one.
  const twin = (el, part) => [...part.querySelectorAll(el.tagName)].find((other) =>
    ["id", "href"].every((name) => other.getAttribute(name) === el.getAttribute(name))
    && other.textContent === el.textContent
    && other.closest("form")?.getAttribute("action") === el.closest("form")?.getAttribute("action"));
  const update = (part, fresh) => {
    if (!fresh || part.shown === fresh.innerHTML) return true;
    const focus = part.contains(document.activeElement) ? document.activeElement : null;
    const next = focus && (focus.matches("h1") ? $("h1", fresh) : twin(focus, fresh)); // a heading may be renamed
    if (busy(part) || focus && !next) return false;
    part.shown = fresh.innerHTML;
    part.replaceChildren(...fresh.childNodes);
    htmx.process(part);
    next?.focus({ preventScroll: true });
    return true;
  };
  const refresh = async () => {
    const parts = [...document.querySelectorAll("#page [data-part]")];
    const wait = asked + 2000 - Date.now();
    if (asking || document.hidden || parts.length === 0) return void (owed = asking || document.hidden);
    if (wait > 0 && !owed) return void ((owed = true), setTimeout(catchUp, wait));
    asking = true;
    owed = false;
    asked = Date.now();
    const at = location.href;
    try {
      const answer = await fetch(at, { headers: { "HX-Request": "true", "HX-Target": "page", "HX-Current-URL": at, "Portico-Live": "1" } });
      if ([401, 403, 404].includes(answer.status)) return void location.reload(); // so that they see where they are
      if (!answer.ok || answer.redirected || at !== location.href) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of parts) if (part.isConnected && !update(part, page.getElementById(part.id))) owed = true;
    } catch {
      // The network is away: the next look will tell.
    } finally {
      asking = false;
      if (owed) setTimeout(catchUp, 1000);
    }
  };
  const catchUp = () => {
    if (!owed || document.hidden) return;
    owed = false;
    refresh();
  };
  // Where events do not come through, as behind some proxies, it looks by itself.
  setInterval(() => {
    if (document.hidden || !liveAt()) return;
    if (Date.now() - heard < patience) return;
    refresh();
    if (Date.now() - tried > patience) {
      source?.close();
      source = undefined;
      listen();
    }
  }, 5000);
  document.addEventListener("visibilitychange", () => {
    listen();
    if (!document.hidden && liveAt()) refresh();
  });

  // What a new page needs

  const setUp = () => {
    showTheme();
    for (const button of document.querySelectorAll('[data-preview="typed"]')) preview(button);
    listen();
    $('.sidenav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
    $('.linetabs [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  };

  const start = () => {
    dialog().addEventListener("close", closed);
    palette()?.addEventListener("mousedown", (event) => {
      if (event.target === palette()) palette().close();
    });
    if (/Mac|iPhone|iPad/.test(navigator.platform)) {
      for (const keys of document.querySelectorAll(".search-button kbd")) keys.textContent = "⌘K";
    }
    dialog().addEventListener("mousedown", (event) => {
      // A press beside the box closes it, unless something has been filled in.
      if (event.target === dialog() && !$(fields, dialog())) dialog().close();
    });
    for (const toast of document.querySelectorAll("#toaster > .toast")) {
      toast.remove();
      notify({ kind: toast.dataset.kind, text: $("p", toast).textContent, undo: $("form", toast)?.getAttribute("action") });
    }
    setUp();
    $('#main [aria-invalid="true"], #main [data-invalid] input')?.focus();
  };
  start();
})();
