"A model after training: registry, promotion, model card, monitoring, shadow, collection of photographs"
