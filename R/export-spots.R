# What viewers are given of an object: cells, domains, sections, places, features.

# `cells`; `names`, as the machine wrote them; `groups`, a factor, and the `column` it comes from;
# `confidence`, `sections` and `embeddings`, or NULL; `coords`, cells x 2, if they are `placed`;
# `pixels`, whether these are of the full-resolution image; and `record`, what RunSMART() left.
spots_of <- function(object, group.by, section.by, coords, coord.cols, reduction, names.by, fn,
                     placed) {
  own <- viewer_places(object, section.by, coords, coord.cols, reduction, fn, placed)
  meta <- c(
    cell_columns(object, own$cells),
    if (inherits(object, "SMARTResult")) as.list(object$all.clusters)
  )
  own$column <- group_column(group.by, meta, own$record, fn)
  values <- meta[[own$column]]
  if (is.double(values)) {
    smart_abort("{.val {own$column}} holds quantities, not domains.", fn = fn)
  }
  own$groups <- if (is.factor(values)) values else factor(values, natural_order(values))
  if (all(is.na(own$groups))) {
    smart_abort("No cell has a domain in {.val {own$column}}.", fn = fn)
  }
  if (length(unique(own$sections)) < 2) own$sections <- NULL
  own$names <- if (is.null(names.by)) {
    machine_names(own$cells, own$sections)
  } else {
    if (!rlang::is_string(names.by) || !names.by %in% names(meta)) {
      smart_abort(c(
        "{.arg names.by} must be a column of the metadata, not {.val {names.by}}.",
        did_you_mean(names.by, names(meta))
      ), fn = fn)
    }
    as.character(meta[[names.by]])
  }
  check_machine_names(own, fn)
  own$confidence <- confidence_of(object, own, reduction)
  own$embeddings <- viewer_embeddings(object, own$cells, reduction)
  own
}

check_machine_names <- function(own, fn) {
  if (anyNA(own$names)) {
    smart_abort("{.arg names.by}: {sum(is.na(own$names))} cells have no name.", fn = fn)
  }
  section <- own$sections %||% rep("", length(own$names))
  twice <- duplicated(data.frame(own$names, section))
  if (any(twice)) {
    smart_abort(c(
      "{sum(twice)} name{?s} of cells occur{?s/} more than once (first:
       {.val {own$names[twice][1]}}).",
      "i" = "Name the column with the section of each cell by {.arg section.by}."
    ), fn = fn)
  }
}

group_column <- function(group.by, meta, record, fn) {
  if (is.null(group.by)) {
    return(usual_clusters(meta, rev(names(record$clustering)), "write", fn))
  }
  if (!rlang::is_string(group.by) || !group.by %in% names(meta)) {
    smart_abort(c(
      "{.arg group.by} must be a column of the metadata, not {.val {group.by}}.",
      did_you_mean(group.by, names(meta)),
      "i" = if (length(meta)) "There are {.val {names(meta)}}."
    ), fn = fn)
  }
  group.by
}

# `cells`, `coords`, `sections`, `pixels`, `record`.
viewer_places <- function(object, section.by, coords, coord.cols, reduction, fn, placed) {
  found <- if (inherits(object, "Seurat")) {
    seurat_places(object, section.by, coords, coord.cols, reduction, fn, placed)
  } else {
    map <- map_data(object, section.by, coords, coord.cols, reduction, fn)
    names <- if (inherits(object, "SpatialExperiment")) {
      SpatialExperiment::spatialCoordsNames(object)
    }
    list(
      cells = map$cells, coords = map$coords, sections = as.character(map$section),
      record = map$record, pixels = is.null(coords) && any(grepl("^pxl_", names))
    )
  }
  if (!placed) {
    found$coords <- NULL
    return(found)
  }
  lost <- found$cells[!is.finite(rowSums(found$coords))]
  if (length(lost)) {
    smart_abort(c(
      "{length(lost)} of {length(found$cells)} cells {cli::qty(lost)}{?has/have} no coordinates
       (first: {.val {lost[1]}}).",
      "i" = "Give {.arg coords} for all, or leave these cells out."
    ), fn = fn)
  }
  found$coords <- unname(found$coords[, 1:2, drop = FALSE])
  found
}

seurat_places <- function(object, section.by, coords, coord.cols, reduction, fn, placed) {
  cells <- colnames(object)
  usual <- "smart" %in% SeuratObject::Reductions(object)
  record <- if (!is.null(reduction) || usual) kept_with(object, reduction, fn)
  images <- SeuratObject::Images(object)
  if (!placed && is.null(coords) && is.null(coord.cols) && !length(images)) {
    sections <- if (!is.null(section.by)) meta_column(object[[]], section.by, "section.by")
    return(list(
      cells = cells, record = record, pixels = FALSE,
      sections = if (!is.null(sections)) as.character(sections[cells])
    ))
  }
  places <- places_seurat(object, coords, coord.cols, section.by, verbose = FALSE)
  xy <- places$coords[match(cells, rownames(places$coords)), , drop = FALSE]
  of_cells <- unique(places$by_image)
  list(
    cells = cells, coords = xy, record = record,
    sections = if (!is.null(places$sections)) as.character(places$sections[cells]),
    # Seurat keeps Visium's places in pixels, of bins as well as of spots.
    pixels = length(of_cells) > 0 && all(vapply(of_cells, function(name) {
      inherits(object[[name]], c("VisiumV1", "VisiumV2"))
    }, NA))
  )
}

# Barcodes without what merging sections put before or after them.
machine_names <- function(cells, sections) {
  if (is.null(sections)) {
    return(cells)
  }
  for (section in unique(sections)) {
    own <- which(sections == section)
    front <- paste0(section, "_")
    end <- unique(sub("^.*(_[0-9]+)$", "\\1", cells[own]))
    if (all(startsWith(cells[own], front))) {
      cells[own] <- substring(cells[own], nchar(front) + 1)
    } else if (length(end) == 1 && grepl("^_[0-9]+$", end)) {
      cells[own] <- sub("_[0-9]+$", "", cells[own])
    }
  }
  cells
}

# The probability of the most probable domain, NA for cells that were not clustered; NULL where the
# domains have no model.
confidence_of <- function(object, own, reduction) {
  if (is.null(own$record$clustering[[own$column]]$model)) {
    return(NULL)
  }
  found <- if (inherits(object, "SMARTResult")) {
    SMARTMemberships(object, cluster.name = own$column)
  } else {
    usual <- if (inherits(object, "Seurat")) "smart" else "SMART"
    SMARTMemberships(object, cluster.name = own$column, reduction = reduction %||% usual)
  }
  most <- apply(found, 1, max)
  most <- unname(most[match(own$cells, rownames(found))])
  most[is.na(own$groups)] <- NA
  as.array(most)
}

# UMAP and embedding, by the names that AnnData has for them.
viewer_embeddings <- function(object, cells, reduction) {
  if (inherits(object, "SMARTResult")) {
    return(list(X_smart = unname(object$embedding)))
  }
  if (inherits(object, "Seurat")) {
    there <- SeuratObject::Reductions(object)
    read <- function(name) SeuratObject::Embeddings(object[[name]])
    smart <- reduction %||% "smart"
  } else {
    there <- SingleCellExperiment::reducedDimNames(object)
    read <- function(name) {
      x <- as.matrix(SingleCellExperiment::reducedDim(object, name))
      rownames(x) <- cells
      x
    }
    smart <- reduction %||% "SMART"
  }
  umap <- grep("umap", there, ignore.case = TRUE, value = TRUE)
  # That of the embedding, where there are several.
  umap <- c(grep("smart", umap, ignore.case = TRUE, value = TRUE), umap)[1]
  names <- c(X_umap = umap, X_smart = if (smart %in% there) smart else NA)
  lapply(names[!is.na(names)], function(name) {
    x <- read(name)
    unname(x[match(cells, rownames(x)), , drop = FALSE])
  })
}

# Modality -> values, a matrix cells x features, and names: those that RunSMART() used, or else of
# the default assay. Normalised values where there are any.
viewer_features <- function(object, record, cells) {
  if (inherits(object, "SMARTResult")) {
    return(NULL)
  }
  if (inherits(object, "Seurat")) {
    names <- intersect(unique(record$modalities$assay), SeuratObject::Assays(object))
    if (!length(names)) names <- SeuratObject::DefaultAssay(object)
    parts <- lapply(stats::setNames(nm = names), function(name) {
      layers <- filled_layers(object[[name]])
      layer <- Filter(function(x) length(match_layers(x, layers)), c("data", "counts"))[1]
      if (!is.na(layer)) {
        assay_counts(object[[name]], name, layer = layer, check.counts = FALSE)
      }
    })
  } else {
    main <- SingleCellExperiment::mainExpName(object) %||% "main"
    all <- c(
      stats::setNames(list(object), main),
      lapply(stats::setNames(nm = alt_names(object)), function(name) {
        SingleCellExperiment::altExp(object, name)
      })
    )
    parts <- lapply(all, function(one) {
      layer <- intersect(c("logcounts", "counts"), SummarizedExperiment::assayNames(one))[1]
      if (!is.na(layer)) {
        x <- as_sparse(SummarizedExperiment::assay(one, layer))
        dimnames(x) <- list(rownames(one), cells)
        x
      }
    })
  }
  parts <- Filter(Negate(is.null), parts)
  lapply(parts, function(x) {
    at <- match(cells, colnames(x))
    if (anyNA(at)) {
      none <- Matrix::sparseMatrix(integer(), integer(), x = numeric(), dims = c(nrow(x), 1))
      at[is.na(at)] <- ncol(x) + 1L
      x <- cbind(x, none)[, at, drop = FALSE]
    }
    names <- as.array(rownames(x))
    dimnames(x) <- NULL
    list(values = reticulate::r_to_py(x)$T, names = names)
  })
}
