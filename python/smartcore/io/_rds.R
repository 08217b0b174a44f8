# What read_rds() takes out of a saved object, as plain vectors, and what write_rds() makes; a list of
# functions.
# Slots of Seurat are read as attributes where that serves all its versions: no package is needed.
local({
  slot_of <- function(object, name) {
    value <- attr(object, name, exact = TRUE)
    if (is.symbol(value)) NULL else value
  }

  # An error that asks for a package, for what() to tell from others.
  needs <- function(package, least = "0", why, verb = "read") {
    there <- tryCatch(utils::packageVersion(package), error = function(e) NULL)
    if (!is.null(there) && there >= least && requireNamespace(package, quietly = TRUE)) {
      return(invisible())
    }
    least <- if (least == "0") "" else paste0(" >= ", least)
    found <- if (is.null(there)) "" else paste0(" (found: ", there, ")")
    text <- sprintf("R needs its package %s%s to %s %s%s", package, least, verb, why, found)
    stop(structure(
      class = c("missing_package", "error", "condition"), list(message = text, call = NULL)
    ))
  }

  listed <- function(names) if (length(names)) paste(names, collapse = ", ") else "none"

  # As inherits(), which loads the package of a class or fails.
  is_a <- function(x, class) class(x)[1] == class

  sparse <- function(x) {
    if (is_a(x, "dgCMatrix")) {
      return(x)
    }
    package <- attr(class(x), "package")
    if (!is.null(package) && package %in% c("BPCells", "DelayedArray", "HDF5Array")) {
      needs(package, why = sprintf("a matrix of class %s", class(x)[1]))
    }
    if (is.data.frame(x) || is.matrix(x)) x <- Matrix::Matrix(as.matrix(x), sparse = TRUE)
    if (!methods::is(x, "Matrix")) x <- methods::as(x, "dgCMatrix")
    for (class in c("dMatrix", "generalMatrix", "CsparseMatrix")) x <- methods::as(x, class)
    x
  }

  # Features x cells by columns is the same as cells x features by rows.
  plain_counts <- function(x, features = rownames(x), cells = colnames(x)) {
    if (is.null(features)) features <- paste0("feature_", seq_len(nrow(x)))
    if (is.null(cells)) cells <- paste0("cell_", seq_len(ncol(x)))
    x <- sparse(x)
    list(indices = x@i, indptr = x@p, data = x@x, features = features, cells = cells)
  }

  plain_column <- function(x) {
    if (is_a(x, "Rle")) x <- as.vector(x)
    if (inherits(x, c("Date", "POSIXt", "difftime"))) x <- as.character(x)
    if (!is.null(dim(x)) || !is.atomic(x) || inherits(x, "integer64")) {
      return(NULL)
    }
    missing <- is.na(x)
    if (is.character(x)) x <- factor(x)
    if (is.factor(x)) {
      codes <- as.integer(x) - 1L
      codes[missing] <- -1L
      return(list(type = "factor", values = codes, levels = levels(x), ordered = is.ordered(x)))
    }
    if (is.logical(x)) {
      x[missing] <- FALSE
      return(list(type = "logical", values = as.integer(x), missing = as.integer(missing)))
    }
    if (!is.numeric(x)) {
      return(NULL)
    }
    list(type = "numeric", values = if (any(missing)) as.double(x) else c(unname(x)))
  }

  plain_table <- function(table) {
    columns <- lapply(seq_along(names(table)), function(i) plain_column(table[[i]]))
    names(columns) <- names(table)
    dropped <- vapply(columns, is.null, NA)
    list(columns = columns[!dropped], dropped = as.character(names(table)[dropped]))
  }

  plain_points <- function(x, cells = rownames(x)) {
    x <- as.matrix(x)
    storage.mode(x) <- "double"
    list(values = unname(x), cells = as.character(cells))
  }

  # Seurat writes pca what Bioconductor writes PCA and scverse X_pca.
  obsm_name <- function(name, common = name == toupper(name)) {
    if (tolower(name) == "spatial") "spatial" else if (common) paste0("X_", tolower(name)) else name
  }

  # Colours of categories by the column they are of: what else is there is the user's.
  plain_colours <- function(kept) {
    kept <- as.list(kept)
    kept <- kept[grepl("._colors$", names(kept)) & vapply(kept, is.character, NA)]
    names(kept) <- sub("_colors$", "", names(kept))
    lapply(kept, function(x) list(values = unname(x), levels = names(x)))
  }

  # Seurat ---------------------------------------------------------------------------------------

  assay_counts <- function(assay) {
    if (is.null(slot_of(assay, "layers"))) {
      return(slot_of(assay, "counts"))
    }
    needs("SeuratObject", "5", "an assay of Seurat 5")
    layers <- grep("^counts($|[.])", SeuratObject::Layers(assay), value = TRUE)
    parts <- lapply(layers, function(layer) sparse(SeuratObject::LayerData(assay, layer = layer)))
    if (length(parts) < 2) {
      return(if (length(parts)) parts[[1]])
    }
    features <- Reduce(intersect, lapply(parts, rownames))
    do.call(cbind, lapply(parts, function(part) part[features, , drop = FALSE]))
  }

  # Where all features have counts; a layer of Seurat 5 may hold fewer.
  assay_features <- function(assay, counts) {
    table <- slot_of(assay, "meta.features")
    if (is.null(table)) table <- assay[[]]
    if (identical(rownames(table), rownames(counts))) table
  }

  # x first. Before Seurat 5.4, x of an image of Visium is its row.
  image_points <- function(image) {
    points <- stored_points(image)
    orientation <- slot_of(image, "coords_x_orientation")
    if (!is.null(points) && is_a(image, "VisiumV2") && !identical(orientation, "horizontal")) {
      points$values <- points$values[, 2:1, drop = FALSE]
    }
    points
  }

  stored_points <- function(image) {
    table <- slot_of(image, "coordinates")
    if (is.data.frame(table)) {
      known <- list(c("imagecol", "imagerow"), c("x", "y"))
      columns <- Filter(function(names) all(names %in% colnames(table)), known)
      numbers <- colnames(table)[vapply(table, is.numeric, NA)]
      columns <- if (length(columns)) columns[[1]] else utils::head(numbers, 2)
      return(if (length(columns) == 2) plain_points(table[columns], rownames(table)))
    }
    boundaries <- slot_of(image, "boundaries")
    centroids <- Filter(function(boundary) is_a(boundary, "Centroids"), boundaries)
    if (length(centroids)) {
      return(plain_points(slot_of(centroids[[1]], "coords"), slot_of(centroids[[1]], "cells")))
    }
    if (length(boundaries)) {
      needs("SeuratObject", why = "the outlines of cells")
      outline <- SeuratObject::GetTissueCoordinates(boundaries[[1]])
      cells <- as.character(outline$cell)
      # Outlines end where they begin; that corner counts once.
      ends <- which(!duplicated(cells, fromLast = TRUE))
      begins <- which(!duplicated(cells))
      begins <- begins[match(cells[ends], cells[begins])]
      closed <- begins != ends & outline$x[begins] == outline$x[ends] &
        outline$y[begins] == outline$y[ends]
      keep <- setdiff(seq_along(cells), ends[closed])
      outline <- outline[keep, ]
      cells <- cells[keep]
      sums <- rowsum(as.matrix(outline[c("x", "y")]), cells, reorder = FALSE)
      return(plain_points(sums / as.vector(table(cells)[rownames(sums)])))
    }
  }

  seurat_assays <- function(object, wanted) {
    assays <- slot_of(object, "assays")
    if (is.null(wanted)) {
      wanted <- names(assays)
      derived <- vapply(assays, is_a, NA, "SCTAssay")
      skipped <- lapply(assays[derived], function(assay) "derived by SCTransform")
      wanted <- wanted[!derived]
    } else {
      skipped <- list()
      unknown <- setdiff(wanted, names(assays))
      if (length(unknown)) {
        stop(sprintf("no assay %s; assays: %s", listed(unknown), listed(names(assays))))
      }
    }
    modalities <- list()
    for (name in wanted) {
      counts <- assay_counts(assays[[name]])
      if (is.null(counts) || !length(counts)) {
        skipped[[name]] <- "no raw counts"
        next
      }
      modalities[[name]] <- list(
        counts = plain_counts(counts), features = plain_table(assay_features(assays[[name]], counts)),
        reductions = list()
      )
    }
    list(modalities = modalities, skipped = skipped)
  }

  seurat <- function(object, wanted) {
    parts <- seurat_assays(object, wanted)
    parts$reductions <- list()
    reductions <- slot_of(object, "reductions")
    for (name in names(reductions)) {
      points <- plain_points(slot_of(reductions[[name]], "cell.embeddings"))
      assay <- slot_of(reductions[[name]], "assay.used")
      global <- isTRUE(slot_of(reductions[[name]], "global"))
      if (global || !isTRUE(assay %in% names(parts$modalities))) {
        parts$reductions[[obsm_name(name, common = TRUE)]] <- points
      } else {
        suffix <- paste0(".", assay)
        if (endsWith(name, suffix)) name <- substr(name, 1, nchar(name) - nchar(suffix))
        key <- obsm_name(name, common = TRUE)
        parts$modalities[[assay]]$reductions[[key]] <- points
      }
    }
    metadata <- slot_of(object, "meta.data")
    images <- slot_of(object, "images")
    points <- Filter(Negate(is.null), lapply(images, image_points))
    c(parts, list(
      cells = rownames(metadata), metadata = plain_table(metadata), images = points,
      colours = plain_colours(slot_of(object, "misc"))
    ))
  }

  # SingleCellExperiment -------------------------------------------------------------------------

  experiment <- function(object) {
    names <- SummarizedExperiment::assayNames(object)
    if (!"counts" %in% names) {
      return(sprintf("no assay counts; assays: %s", listed(names)))
    }
    reductions <- list()
    if (methods::is(object, "SingleCellExperiment")) {
      reductions <- as.list(SingleCellExperiment::reducedDims(object))
      reductions <- lapply(reductions, plain_points, cells = character())
      names(reductions) <- vapply(names(reductions), obsm_name, "")
    }
    list(
      counts = plain_counts(
        SummarizedExperiment::assay(object, "counts", withDimnames = FALSE),
        rownames(object), colnames(object)
      ),
      features = plain_table(SummarizedExperiment::rowData(object)), reductions = reductions
    )
  }

  single_cell_experiment <- function(object, wanted) {
    main <- SingleCellExperiment::mainExpName(object)
    main <- if (is.null(main)) "rna" else main
    other <- SingleCellExperiment::altExpNames(object)
    unknown <- setdiff(wanted, c(main, other))
    if (length(unknown)) {
      stop(sprintf("no experiment %s; experiments: %s", listed(unknown), listed(c(main, other))))
    }
    modalities <- list()
    skipped <- list()
    for (name in if (is.null(wanted)) c(main, other) else wanted) {
      here <- if (name == main) object else SingleCellExperiment::altExp(object, name)
      part <- experiment(here)
      if (is.character(part)) {
        skipped[[name]] <- part
        next
      }
      if (name != main) part$metadata <- plain_table(SummarizedExperiment::colData(here))
      modalities[[name]] <- part
    }
    cells <- colnames(object)
    if (is.null(cells)) cells <- paste0("cell_", seq_len(ncol(object)))
    metadata <- SummarizedExperiment::colData(object)
    # Nothing but its record or its name says that a reduction is of all experiments.
    joint <- list()
    records <- S4Vectors::metadata(object)
    for (name in SingleCellExperiment::reducedDimNames(object)) {
      record <- records[[name]]
      ours <- is.list(record) && identical(record[["tool"]], "SpatialSMART")
      key <- obsm_name(name)
      if (!main %in% names(modalities) || !(ours || name == "SMART")) next
      modalities[[main]]$reductions[[key]] <- NULL
      joint[[key]] <- plain_points(SingleCellExperiment::reducedDim(object, name), cells)
    }
    images <- list()
    if (methods::is(object, "SpatialExperiment")) {
      points <- SpatialExperiment::spatialCoords(object)
      rows <- split(seq_along(cells), as.character(metadata$sample_id))
      if (ncol(points) > 1) {
        images <- lapply(rows, function(i) plain_points(points[i, , drop = FALSE], cells[i]))
      }
    }
    list(
      modalities = modalities, skipped = skipped, reductions = joint, cells = cells,
      metadata = plain_table(metadata), images = images,
      colours = plain_colours(S4Vectors::metadata(object))
    )
  }

  read <- function(path, wanted) {
    object <- readRDS(path)
    class <- class(object)[1]
    if (class == "Seurat") {
      return(seurat(object, wanted))
    }
    package <- attr(class(object), "package")
    if (class %in% c("SingleCellExperiment", "SpatialExperiment", "SpatialFeatureExperiment")) {
      needs(package, why = paste("an object of class", class))
    }
    if (methods::is(object, "SingleCellExperiment")) {
      return(single_cell_experiment(object, wanted))
    }
    stop(sprintf("it holds an object of class %s", listed(class(object))))
  }

  # As RunSMART() names them, which knows its own results by it.
  reduction_key <- function(name) {
    stem <- toupper(gsub("[^a-zA-Z0-9]", "", name))
    paste0(if (grepl("^[A-Z]", stem)) stem else paste0("R", stem), "_")
  }

  seurat_assay <- function(experiment) {
    there <- SummarizedExperiment::assayNames(experiment)
    from <- if ("counts" %in% there) "counts" else there[1]
    values <- sparse(SummarizedExperiment::assay(experiment, from))
    dimnames(values) <- dimnames(experiment)
    assay <- if (from == "counts") {
      SeuratObject::CreateAssayObject(counts = values)
    } else {
      SeuratObject::CreateAssayObject(data = values)
    }
    about <- as.data.frame(SummarizedExperiment::rowData(experiment), optional = TRUE)
    if (ncol(about)) {
      rownames(about) <- rownames(assay)
      assay <- SeuratObject::AddMetaData(assay, about)
    }
    assay
  }

  add_reductions <- function(object, experiment, assay, joint, suffix) {
    reductions <- as.list(SingleCellExperiment::reducedDims(experiment))
    for (name in names(reductions)) {
      points <- as.matrix(reductions[[name]])
      short <- tolower(name)
      # Images have the places; only they cannot hold a third dimension.
      if (short == "spatial" && ncol(points) == 2) next
      new <- paste0(make.names(short), if (!name %in% joint) suffix)
      key <- reduction_key(new)
      dimnames(points) <- list(colnames(object), paste0(key, seq_len(ncol(points))))
      object[[new]] <- SeuratObject::CreateDimReducObject(
        points, assay = assay, key = key, global = name %in% joint
      )
    }
    object
  }

  # Names of R for images, none of which is there.
  image_names <- function(images, taken) {
    names <- make.names(images)
    clash <- names %in% taken
    names[clash] <- paste0("fov.", names[clash])
    utils::tail(make.unique(c(taken, names)), length(names))
  }

  # Letters and digits alone, a letter first, and none that is there.
  image_keys <- function(names, taken) {
    stems <- tolower(gsub("[^a-zA-Z0-9]", "", names))
    odd <- !grepl("^[a-z]", stems)
    stems[odd] <- paste0("fov", stems[odd])
    unique <- make.unique(c(tolower(sub("_$", "", taken)), stems), sep = "")
    paste0(utils::tail(unique, length(stems)), "_")
  }

  # A field of view for each image; "" is the image of spots that are in none.
  add_places <- function(object, points, image, columns) {
    image[!stats::complete.cases(points)] <- ""
    images <- setdiff(unique(image), "")
    names <- image_names(images, c(names(object), columns))
    keys <- image_keys(names, as.character(unlist(SeuratObject::Key(object))))
    for (i in seq_along(images)) {
      rows <- which(image == images[i])
      table <- data.frame(
        x = points[rows, 1], y = points[rows, 2], cell = colnames(object)[rows]
      )
      object[[names[i]]] <- SeuratObject::CreateFOV(
        list(centroids = SeuratObject::CreateCentroids(table)),
        type = "centroids", assay = SeuratObject::DefaultAssay(object), key = keys[i]
      )
    }
    object
  }

  as_seurat <- function(experiments, joint, domains, image) {
    needs("SeuratObject", "4.1", "objects of Seurat", "write")
    main <- names(experiments)[1]
    object <- SeuratObject::CreateSeuratObject(seurat_assay(experiments[[main]]), assay = main)
    about <- as.data.frame(SummarizedExperiment::colData(experiments[[main]]), optional = TRUE)
    for (name in names(experiments)[-1]) {
      object[[name]] <- seurat_assay(experiments[[name]])
      own <- as.data.frame(SummarizedExperiment::colData(experiments[[name]]), optional = TRUE)
      known <- vapply(names(own), function(x) identical(own[[x]], about[[x]]), NA)
      own <- own[!known]
      taken <- names(own) %in% c(names(about), "measured")
      names(own)[taken] <- paste0(names(own)[taken], ".", name)
      about <- cbind(about, own)
    }
    for (name in names(experiments)) {
      shared <- if (name == main) joint
      suffix <- if (name != main) paste0(".", name)
      object <- add_reductions(object, experiments[[name]], name, shared, suffix)
    }
    places <- SingleCellExperiment::reducedDims(experiments[[main]])$spatial
    if (!is.null(places) && ncol(places) == 2) {
      object <- add_places(object, as.matrix(places), image, names(about))
    }
    # Columns share their names with nothing else of the object.
    taken <- names(about) %in% names(object)
    names(about)[taken] <- paste0(names(about)[taken], "_clusters")
    rownames(about) <- colnames(object)
    object <- SeuratObject::AddMetaData(object, about)
    domains <- intersect(domains, names(about))
    if (length(domains)) SeuratObject::Idents(object) <- domains[1]
    object
  }

  # write_rds(): `experiments` are SingleCellExperiments of the same cells, the first the main one.
  # `joint` names the reductions of the main one that are of all, `domains` the columns that may hold
  # these. `image` is that of each cell.
  write <- function(path, experiments, kind, joint, domains, colours, image) {
    colours <- colours[lengths(colours) > 0]
    if (kind == "Seurat") {
      object <- as_seurat(experiments, joint, domains, image)
      for (name in names(colours)) {
        there <- c(name, paste0(name, "_clusters"))
        column <- there[there %in% names(object[[]])][1]
        SeuratObject::Misc(object, paste0(column, "_colors")) <- colours[[name]]
      }
    } else {
      object <- experiments[[1]]
      SingleCellExperiment::mainExpName(object) <- names(experiments)[1]
      for (name in names(experiments)[-1]) {
        SingleCellExperiment::altExp(object, name) <- experiments[[name]]
      }
      for (name in names(colours)) {
        S4Vectors::metadata(object)[[paste0(name, "_colors")]] <- colours[[name]]
      }
    }
    saveRDS(object, path)
    list(class = class(object)[1])
  }

  # Columns named as they were: S4Vectors::DataFrame() changes names that are no R names.
  rename <- function(experiment, samples, features) {
    tidy <- function(table, names) {
      for (name in names(table)) table[[name]] <- unname(table[[name]])
      names(table) <- names
      table
    }
    SummarizedExperiment::colData(experiment) <-
      tidy(SummarizedExperiment::colData(experiment), samples)
    SummarizedExperiment::rowData(experiment) <-
      tidy(SummarizedExperiment::rowData(experiment), features)
    list(experiment = experiment)
  }

  # Errors come back as words, since those that R prints carry calls and line breaks.
  safely <- function(f) {
    function(...) {
      notes <- character()
      result <- tryCatch(
        withCallingHandlers(
          f(...),
          warning = function(w) {
            notes <<- c(notes, conditionMessage(w))
            invokeRestart("muffleWarning")
          },
          packageStartupMessage = function(m) invokeRestart("muffleMessage"),
          message = function(m) {
            notes <<- c(notes, conditionMessage(m))
            invokeRestart("muffleMessage")
          }
        ),
        missing_package = function(e) list(missing = conditionMessage(e)),
        error = function(e) list(error = conditionMessage(e))
      )
      c(result, list(notes = notes))
    }
  }

  list(read = safely(read), write = safely(write), rename = safely(rename))
})
