# Simulated spots as the folder that Space Ranger writes for a slide with antibodies.

# `outs` with filtered_feature_bc_matrix.h5 (both types of features) and spatial/.
write_outs <- function(folder, spots, counts) {
  rlang::check_installed(c("hdf5r", "png"), "to write Space Ranger's files.")
  if (!rlang::is_string(folder) || !nzchar(folder)) {
    smart_abort("{.arg outs} must be the path of a folder, not {.obj_type_friendly {folder}}.",
      fn = "SimulateSMART"
    )
  }
  if (length(dir(folder))) {
    smart_abort(c(
      "The folder {.file {folder}} is not empty.",
      "i" = "Name another one with {.arg outs}."
    ), fn = "SimulateSMART")
  }
  dir.create(file.path(folder, "spatial"), recursive = TRUE, showWarnings = FALSE)
  types <- c(Spatial = "Gene Expression", ADT = "Antibody Capture")
  features <- data.frame(
    name = unlist(lapply(counts, rownames), use.names = FALSE),
    type = rep(types[names(counts)], vapply(counts, nrow, 1L))
  )
  write_tenx(file.path(folder, "filtered_feature_bc_matrix.h5"), do.call(rbind, counts), features)
  write_spatial(file.path(folder, "spatial"), spots)
  invisible(folder)
}

# The HDF5 file of Cell Ranger 3 and later.
write_tenx <- function(path, counts, features) {
  file <- hdf5r::H5File$new(path, mode = "w")
  on.exit(file$close_all())
  group <- file$create_group("matrix")
  group[["barcodes"]] <- colnames(counts)
  group[["data"]] <- as.integer(counts@x)
  group[["indices"]] <- counts@i
  group[["indptr"]] <- counts@p
  group[["shape"]] <- dim(counts)
  about <- group$create_group("features")
  about[["id"]] <- features$name
  about[["name"]] <- features$name
  about[["feature_type"]] <- features$type
  about[["genome"]] <- rep("simulated", nrow(features))
}

write_spatial <- function(folder, spots) {
  factors <- simulated_factors
  png::writePNG(
    tissue_picture(spots, factors$lowres), file.path(folder, "tissue_lowres_image.png")
  )
  writeLines(sprintf(
    "{\"spot_diameter_fullres\": %s, \"fiducial_diameter_fullres\": %s, \"tissue_hires_scalef\": %s,
 \"tissue_lowres_scalef\": %s}",
    factors$spot, factors$fiducial, factors$hires, factors$lowres
  ), file.path(folder, "scalefactors_json.json"))
  # The name and the header tell Space Ranger's versions apart: this is that of versions below 2,
  # which all of Seurat's versions read.
  utils::write.table(
    data.frame(
      rownames(spots), 1L, spots$row, spots$col, round(spots$y, 3), round(spots$x, 3)
    ),
    file.path(folder, "tissue_positions_list.csv"),
    sep = ",", row.names = FALSE, col.names = FALSE, quote = FALSE
  )
}
