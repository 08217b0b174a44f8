"""What an axes shows."""

from matplotlib.colors import to_hex


def legend_of(ax):
    """Entries of the legend with their colours."""
    legend = ax.get_legend()
    return {
        text.get_text(): to_hex(handle.get_color()).upper()
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }


def drawn(ax):
    """The collection of spots, drawn once so that colours are final."""
    ax.figure.draw_without_rendering()
    (spots,) = ax.collections
    return spots
