"""Networks: backbones with their preprocessing, heads, distillation, int8 conversion."""
