# What SMARTSpatialPlot() draws: places, sections, values.

# `cells`; `coords`, cells x 2|3 with NA where unknown; `section`, a factor; `record`, what
# RunSMART() left, or NULL.
map_data <- function(object, section.by, coords, coord.cols, reduction, fn) {
  if (inherits(object, "SMARTResult")) {
    return(map_result(object, section.by, coords, coord.cols, fn))
  }
  if (!inherits(object, "SingleCellExperiment")) {
    smart_abort(c(
      "{.arg object} must be a SingleCellExperiment, a SpatialExperiment, or what {.fn RunSMART}
       returned for matrices, not {.obj_type_friendly {object}}.",
      "i" = if (is_matrix_like(object) || is.list(object)) {
        "{.code RunSMART(counts, coords = ...)} makes such a result of matrices."
      }
    ), fn = fn)
  }
  cells <- cell_names(object)
  record <- S4Vectors::metadata(object)[[reduction %||% "SMART"]]
  if (!is.null(reduction)) record <- find_record(object, reduction, fn)
  if (!is_smart_record(record)) record <- NULL
  meta <- SummarizedExperiment::colData(object)
  if (is.null(section.by) && !inherits(object, "SpatialExperiment")) {
    section.by <- section_column(meta, names(record$sections), fn)
  }
  found <- places_sce(object, cells, coords, coord.cols, section.by)
  if (!is.null(coords) && is.null(section.by)) found$sections <- meta_section(meta, cells)
  at <- match(cells, rownames(found$coords))
  section <- if (is.null(found$sections)) rep("all", length(cells)) else found$sections[cells]
  levels <- if (!is.null(section.by)) levels(meta[[section.by]])
  xy <- found$coords[at, , drop = FALSE]
  if (inherits(object, "SpatialExperiment") && is.null(coords) && is.null(coord.cols)) {
    xy <- upright(xy, SpatialExperiment::spatialCoordsNames(object))
  }
  list(
    cells = cells, coords = xy, section = factor(section, levels %||% natural_order(section)),
    record = record
  )
}

# Columns of a slide by their names, in whatever order they come.
upright <- function(xy, names) {
  if (ncol(xy) == 2 && grepl("_row_|^imagerow$", names[1]) && grepl("_col_|^imagecol$", names[2])) {
    return(xy[, 2:1, drop = FALSE])
  }
  xy
}

meta_section <- function(meta, cells) {
  if (!is.null(meta$sample_id)) stats::setNames(as.character(meta$sample_id), cells)
}

# The column that holds the sections of a result. Without it they would be drawn over one another.
section_column <- function(meta, sections, fn) {
  if (length(sections) < 2) {
    return(NULL)
  }
  fits <- Filter(function(name) {
    x <- meta[[name]]
    (is.character(x) || is.factor(x)) && all(as.character(x) %in% sections)
  }, colnames(meta))
  if (length(fits) == 0) {
    smart_abort(c(
      "The result is of sections {.val {sections}}, and no column of the {.fn colData} holds
       these.",
      "i" = "Name the column with the section of each cell by {.arg section.by}."
    ), fn = fn)
  }
  fits[1]
}

map_result <- function(object, section.by, coords, coord.cols, fn) {
  if (!is.null(coord.cols)) {
    smart_abort(c(
      "{.arg coord.cols} names columns of a {.fn colData}, which a result for matrices has not.",
      "i" = "Give {.arg coords} instead."
    ), fn = fn)
  }
  cells <- rownames(object$embedding)
  xy <- if (is.null(coords)) object[["coords"]] else given_coords(coords, cells)
  if (is.null(xy)) {
    smart_abort(c(
      "The result holds no coordinates.",
      "i" = "Give {.arg coords}."
    ), fn = fn)
  }
  section <- object[["section"]]
  if (!is.null(section.by)) {
    section <- given_groups(section.by, cells, "section.by")
  }
  section <- if (is.null(section)) rep("all", length(cells)) else section[cells]
  list(
    cells = cells, coords = xy[match(cells, rownames(xy)), , drop = FALSE],
    section = factor(section, natural_order(section)), record = object
  )
}

# Values for each cell, and what they are called.
map_groups <- function(object, group.by, map, reduction, fn) {
  cells <- map$cells
  meta <- cell_columns(object, cells)
  if (inherits(object, "SMARTResult")) {
    meta <- c(meta, contribution_columns(object$contributions, cells, "smart"))
  }
  if (is.null(group.by)) {
    group.by <- usual_clusters(meta, names(map$record$clustering), "draw", fn)
  }
  if (rlang::is_string(group.by) && group.by %in% names(meta)) {
    title <- sub("^smart.contribution.", "Contribution of ", group.by)
    title <- switch(title, clusters = , smart_clusters = "Domain", title)
    return(list(value = meta[[group.by]], title = title))
  }
  if (is.atomic(group.by) && length(group.by) == length(cells) && length(cells) > 1) {
    by_name <- !is.null(names(group.by)) && all(cells %in% names(group.by))
    return(list(value = unname(if (by_name) group.by[cells] else group.by), title = NULL))
  }
  smart_abort(c(
    "{.arg group.by} must be a column of the metadata, or one value for each of the
     {length(cells)} cells.",
    "x" = if (rlang::is_string(group.by)) "There is no column {.val {group.by}}.",
    "i" = if (length(meta)) "There are {.val {names(meta)}}.",
    "i" = if (rlang::is_string(group.by)) "Genes and other features go by {.arg features}."
  ), fn = fn)
}

# What is known of each cell: the columns that are vectors.
cell_columns <- function(object, cells) {
  meta <- if (inherits(object, "SMARTResult")) {
    list(clusters = object$clusters[cells])
  } else if (inherits(object, "Seurat")) {
    as.list(object[[]])
  } else {
    as.list(SummarizedExperiment::colData(object))
  }
  Filter(function(x) is.atomic(x) && length(x) == length(cells), meta)
}

# The column with the clusters where none is named: the first there is of those that were `found`.
usual_clusters <- function(meta, found, what, fn) {
  usual <- intersect(c(found, "smart_clusters", "clusters"), names(meta))
  if (length(usual) == 0) {
    smart_abort(c(
      "There are no clusters to {what}.",
      "i" = "{.fn FindSMARTClusters} finds them; or name something else by {.arg group.by}.",
      "i" = if (length(meta)) "There are {.val {names(meta)}}."
    ), fn = fn)
  }
  usual[1]
}

map_feature <- function(object, features, layer, fn) {
  if (inherits(object, "SMARTResult")) {
    smart_abort(c(
      "A result for matrices does not hold their counts.",
      "i" = "Give the values themselves: {.code group.by = counts[\"{features[1]}\", ]}."
    ), fn = fn)
  }
  if (!rlang::is_string(features)) {
    smart_abort("{.arg features} must be the name of one feature.", fn = fn)
  }
  experiments <- c(
    list(object),
    lapply(alt_names(object), function(name) SingleCellExperiment::altExp(object, name))
  )
  has <- vapply(experiments, function(x) features %in% rownames(x), NA)
  if (!any(has)) {
    looks <- unlist(lapply(experiments, function(x) utils::head(rownames(x), 2)))
    smart_abort(c(
      "There is no feature {.val {features}}.",
      "i" = "Features look like {.val {looks}}."
    ), fn = fn)
  }
  from <- experiments[[which(has)[1]]]
  there <- SummarizedExperiment::assayNames(from)
  layer <- layer %||% c(intersect(c("logcounts", "counts"), there), there)[1]
  if (!layer %in% there) {
    smart_abort(c(
      "There is no {.arg layer} {.val {layer}} with {.val {features}}.",
      "i" = "There {?is/are} {.val {there}}."
    ), fn = fn)
  }
  value <- as.numeric(SummarizedExperiment::assay(from, layer)[features, ])
  list(value = value, title = paste0(features, "\n(", layer, ")"))
}

# Unique text, "section 2" before "section 10".
natural_order <- function(x) {
  x <- unique(as.character(x[!is.na(x)]))
  keys <- x
  found <- gregexpr("[0-9]+", keys)
  regmatches(keys, found) <- lapply(regmatches(keys, found), function(digits) {
    digits <- sub("^0+(?=.)", "", digits, perl = TRUE)
    paste0(strrep("0", pmax(0, 20 - nchar(digits))), digits)
  })
  x[order(keys, x, method = "radix")]
}

# Width at which spots fill their layout, and whether that is an upright square lattice: the step of
# lattices; else the lower quartile of the distance to the fourth nearest, about the root of the
# area of a cell.
spot_layout <- function(x, y) {
  here <- !duplicated(complex(real = x, imaginary = y))
  x <- x[here]
  y <- y[here]
  n <- length(x)
  if (n < 2) {
    return(list(width = 1, square = FALSE))
  }
  looked <- unique(round(seq(1, n, length.out = min(n, max(100, floor(2e7 / n))))))
  k <- min(6, n - 1)
  near <- vapply(looked, function(i) {
    d <- (x - x[i])^2 + (y - y[i])^2
    limit <- sort(d, partial = k + 1)[k + 1]
    these <- which(d <= limit & d > 0)
    these <- these[order(d[these])][seq_len(k)]
    c(sqrt(d[these]), x[these] - x[i], y[these] - y[i])
  }, numeric(3 * k))
  near <- array(near, c(k, 3, length(looked)))
  step <- stats::median(near[1, 1, ])
  close <- near[, 1, ] < 1.2 * step
  dx <- abs(near[, 2, ][close]) / step
  dy <- abs(near[, 3, ][close]) / step
  along <- abs(dx - 1) < 0.1 & dy < 0.1
  across <- dx < 0.1 & abs(dy - 1) < 0.1
  if (mean(along | across) > 0.9 && any(along) && any(across)) {
    return(list(width = step, square = TRUE))
  }
  list(width = unname(stats::quantile(near[min(4, k), 1, ], 0.25)), square = FALSE)
}
