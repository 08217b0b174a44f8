# Seurat objects of one embedding as one object.

merge_seurat <- function(objects, records, reduction, cluster.name, section.name, found, verbose) {
  old <- lapply(objects, colnames)
  new <- joint_names(old)
  reductions <- lapply(objects, function(object) object[[reduction]])
  parts <- Map(function(reduction, old, new) {
    x <- SeuratObject::Embeddings(reduction)
    rownames(x) <- new[match(rownames(x), old)]
    x
  }, reductions, old, new)
  embedding <- do.call(rbind, unname(parts))
  columns <- factor_columns(objects)
  dropped <- list(
    reductions = setdiff(unlist(lapply(objects, SeuratObject::Reductions)), reduction),
    graphs = unlist(lapply(objects, SeuratObject::Graphs)),
    neighbours = unlist(lapply(objects, SeuratObject::Neighbors))
  )
  images <- joint_images(objects)
  kept <- SeuratObject::DefaultAssay(objects[[1]])
  commands <- methods::slot(objects[[1]], "commands")
  bare <- Map(bare_seurat, objects, old, new, images)
  merged <- if (length(bare) == 1) bare[[1]] else merge(bare[[1]], unname(bare[-1]))
  SeuratObject::DefaultAssay(merged) <- kept
  for (name in names(columns)) {
    merged[[name]] <- factor(merged[[name, drop = TRUE]], columns[[name]])
  }
  sections <- rep(names(objects), lengths(new))
  names(sections) <- unlist(new, use.names = FALSE)
  merged[[section.name]] <- factor(sections, names(objects))[colnames(merged)]
  embedding <- embedding[intersect(colnames(merged), rownames(embedding)), , drop = FALSE]
  merged[[reduction]] <- SeuratObject::CreateDimReducObject(
    embeddings = embedding,
    assay = SeuratObject::DefaultAssay(reductions[[1]]),
    stdev = unname(apply(embedding, 2, stats::sd)),
    key = SeuratObject::Key(reductions[[1]]),
    global = TRUE,
    misc = joint_record(records, names(found))
  )
  for (name in names(found)) {
    clusters <- factor(unlist(found[[name]]$values, use.names = FALSE), found[[name]]$levels)
    names(clusters) <- names(sections)
    merged[[name]] <- clusters[colnames(merged)]
    if (name == cluster.name) {
      merged <- store_clusters(merged, clusters[rownames(embedding)], cluster.name)
    }
  }
  ours <- grep("^(RunSMART|FindSMARTClusters)", names(commands), value = TRUE)
  for (name in ours) merged <- log_command(merged, commands[[name]])
  if (verbose) {
    before <- unlist(lapply(objects, SeuratObject::Images), use.names = FALSE)
    after <- unlist(lapply(images, names), use.names = FALSE)
    # Images without cells are gone without a word.
    renamed <- if (!all(after %in% before)) list(Images = list(before, after))
    say_merged(old, new, dropped, renamed)
  }
  log_command(merged, smart_command(
    quote(SMARTMerge(sections)),
    list(reduction = reduction, cluster.name = cluster.name, section.name = section.name),
    SeuratObject::DefaultAssay(reductions[[1]]), if (reduction != "smart") reduction
  ))
}

# Without what is of one section alone; cells and images under the names they are to have.
bare_seurat <- function(object, old, new, images) {
  for (what in c("reductions", "graphs", "neighbors")) methods::slot(object, what) <- list()
  methods::slot(object, "images") <- images
  if (identical(old, new)) object else SeuratObject::RenameCells(object, new.names = new)
}

# The images of each section that hold cells, each with a name and a key of its own.
joint_images <- function(objects) {
  images <- lapply(objects, function(object) {
    # Seurat 4 keeps images without cells when it subsets.
    Filter(function(image) length(SeuratObject::Cells(image)) > 0, methods::slot(object, "images"))
  })
  all <- unlist(lapply(images, names), use.names = FALSE)
  twice <- unique(all[duplicated(all)])
  keys <- character()
  for (section in names(images)) {
    own <- images[[section]]
    again <- names(own) %in% twice
    names(own)[again] <- paste(names(own)[again], section, sep = ".")
    for (name in names(own)) {
      key <- SeuratObject::Key(own[[name]])
      if (length(key) != 1 || key %in% keys) {
        key <- derive_key(name, keys)
        SeuratObject::Key(own[[name]]) <- key
      }
      keys <- c(keys, key)
    }
    images[[section]] <- own
  }
  images
}

# Columns that are a factor of the same levels in all objects; `merge()` makes text of them.
factor_columns <- function(objects) {
  metas <- lapply(objects, function(object) object[[]])
  common <- Reduce(intersect, lapply(metas, names))
  levels <- lapply(stats::setNames(common, common), function(name) {
    levels <- unique(lapply(metas, function(meta) levels(meta[[name]])))
    if (length(levels) == 1) levels[[1]]
  })
  Filter(Negate(is.null), levels)
}
