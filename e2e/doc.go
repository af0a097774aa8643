// Package e2e holds the browser journeys: a person's way through Portico, from
// the first page to the last, against the real program.
//
// Each journey starts its own server on its own data folder, with its own SMTP
// server beside it, and walks through it in Chromium. Links are taken only out
// of mails that arrived. What a page logs, refuses or fails to load fails the
// journey, whatever the journey was about.
//
// The set-up brings what it needs: the Playwright driver and axe-core from npm,
// into the user's cache folder, and Chromium or Chrome from the machine, or from
// Debian's packages where it may install them; nginx and Caddy likewise. What is missing is an error and
// never a reason to skip.
//
//	E2E_CACHE=DIR     keeps the driver and axe-core somewhere else
//	E2E_CHROMIUM=PATH uses that browser
//	E2E_SHOTS=DIR     writes a picture of every audited screen, and of failures
package e2e
