// Package figure makes measurements into figures: medians, ratios of the same round, tables and a
// chart.
package figure
