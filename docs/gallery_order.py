"""The order in which the gallery is read: from the first figure to the special cases."""

from pathlib import Path

ORDER = """
    plot_first_figure plot_compare_methods plot_gradient_views plot_completeness plot_targets plot_grad_cam_layers
    plot_occlusion_scales plot_two_leads plot_sequence_output plot_genomic_window plot_mutagenesis
    plot_screening plot_class_averages plot_annotation_agreement
    plot_filter_weights plot_activations plot_layer_saliency
    plot_activation_maximisation plot_deep_dream plot_inversion
    plot_image plot_volume plot_slices
""".split()


class Reading:
    """Key that sorts examples as listed in `ORDER`; others come last, by name."""

    def __init__(self, src_dir: str) -> None:
        self.src_dir = src_dir

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return the place of an example."""
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)
