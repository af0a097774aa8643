// Package upgrades holds the real program to what it promises of backups, restores
// and databases of older versions.
package upgrades
