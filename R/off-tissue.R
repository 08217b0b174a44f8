# Cells that lie outside the tissue, as Space Ranger marks them.

# Inputs without cells that lie outside the tissue, said with their number.
without_cells <- function(inputs, outside, reader) {
  outside <- intersect(reader$cells, outside)
  n <- length(reader$cells)
  if (length(outside) == n) {
    smart_abort(c(
      "All {n} cells are marked as outside the tissue.",
      "i" = "{.code in.tissue = FALSE} uses them."
    ))
  }
  if (isTRUE(reader$whole)) {
    smart_abort(c(
      "{length(outside)} of {n} cells {?is/are} marked as outside the tissue (first:
       {.val {outside[1]}}).",
      "i" = "In Seurat 4 an embedding is of all cells. Remove these first:
             {.code object <- subset(object, {reader$tissue})}, or use them:
             {.code in.tissue = FALSE}."
    ))
  }
  smart_inform(c(
    "i" = "{length(outside)} of {n} cells {?is/are} marked as outside the tissue and left out;
           {.code in.tissue = FALSE} uses them."
  ))
  drop <- function(x) x[, !colnames(x) %in% outside, drop = FALSE]
  lapply(inputs, function(input) {
    if (!is.null(input$pcs)) {
      input$pcs <- input$pcs[!rownames(input$pcs) %in% outside, , drop = FALSE]
    } else {
      input$counts <- if (is.list(input$counts)) lapply(input$counts, drop) else drop(input$counts)
    }
    input
  })
}

# Cells with 0 (or FALSE) in a column `in_tissue`.
marked_outside <- function(metadata, cells) {
  if (!"in_tissue" %in% colnames(metadata)) {
    return(character())
  }
  cells[outside_marks(metadata[["in_tissue"]], "The column {.val in_tissue} of the metadata")]
}

# Which marks say "outside". One that is missing says nothing.
outside_marks <- function(marks, where) {
  marks <- tolower(as.character(marks))
  outside <- marks %in% c("0", "0.0", "false")
  odd <- unique(marks[!outside & !marks %in% c("1", "1.0", "true") & !is.na(marks)])
  if (length(odd)) {
    smart_abort(c(
      paste(where, "must hold 1 for cells in the tissue and 0 for others, not {.val {odd[1]}}."),
      "i" = "{.code in.tissue = FALSE} uses all cells, whatever it says."
    ))
  }
  outside
}
