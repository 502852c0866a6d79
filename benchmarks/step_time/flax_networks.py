"""The networks as one writes them in plain flax: nn.Conv, nn.BatchNorm, nn.max_pool, nothing of assay."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp

norm = functools.partial(nn.BatchNorm, momentum=0.9)
conv3 = functools.partial(nn.Conv, kernel_size=(3, 3), use_bias=False)


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = x.reshape(x.shape[0], -1)
        for width in (256, 256):
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(10)(x)


class LeNet(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.avg_pool(nn.relu(nn.Conv(6, (5, 5), padding=2)(x)), (2, 2), (2, 2))
        x = nn.avg_pool(nn.relu(nn.Conv(16, (5, 5), padding="VALID")(x)), (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        for width in (120, 84):
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(10)(x)


class StridedCNN(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        for features, size in ((16, 5), (32, 5), (32, 3)):
            x = nn.relu(nn.Conv(features, (size, size), strides=2, padding="VALID")(x))
        x = nn.Dropout(0.5, deterministic=not train)(x.reshape(x.shape[0], -1))
        return nn.Dense(10)(nn.relu(nn.Dense(32)(x)))


class ResNet20(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        normed = lambda x: norm(use_running_average=not train)(x)
        x = nn.relu(normed(conv3(16)(x)))
        for features in (16, 32, 64):
            for block in range(3):
                strides = 2 if features > 16 and not block else 1
                y = nn.relu(normed(conv3(features, strides=strides)(x)))
                y = normed(conv3(features)(y))
                if strides > 1:
                    x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, features - x.shape[-1])))
                x = nn.relu(x + y)
        return nn.Dense(10)(x.mean((1, 2)))


class VGG11(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        for layers, features in zip((1, 1, 2, 2, 2), (64, 128, 256, 512, 512)):
            for _ in range(layers):
                x = nn.relu(norm(use_running_average=not train)(conv3(features)(x)))
            x = nn.max_pool(x, (2, 2), (2, 2))
        return nn.Dense(10)(x.reshape(x.shape[0], -1))


class DenseNet40(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        before = lambda x: nn.relu(norm(use_running_average=not train)(x))
        x = conv3(16)(x)
        for block in range(3):
            if block:
                x = nn.Conv(x.shape[-1], (1, 1), use_bias=False)(before(x))
                x = nn.avg_pool(x, (2, 2), (2, 2))
            for _ in range(12):
                x = jnp.concatenate([x, conv3(12)(before(x))], -1)
        return nn.Dense(10)(before(x).mean((1, 2)))


class UNet(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        kept = []
        for level in range(5):
            x = self._level(x, 64 * 2**level)
            if level >= 3:
                x = nn.Dropout(0.5, deterministic=not train)(x)
            if level < 4:
                kept.append(x)
                x = nn.max_pool(x, (2, 2), (2, 2))
        for level in reversed(range(4)):
            x = nn.relu(nn.ConvTranspose(64 * 2**level, (2, 2), (2, 2))(x))
            x = self._level(jnp.concatenate([kept[level], x], -1), 64 * 2**level)
        return nn.Conv(2, (1, 1))(x)

    def _level(self, x, features):
        for _ in range(2):
            x = nn.relu(nn.Conv(features, (3, 3))(x))
        return x


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z, train):
        normed = lambda x: nn.relu(norm(use_running_average=not train)(x))
        x = normed(nn.Dense(4 * 4 * 256, use_bias=False)(z).reshape(-1, 4, 4, 256))
        for features in (128, 64):
            x = normed(nn.ConvTranspose(features, (4, 4), (2, 2), use_bias=False)(x))
        return nn.ConvTranspose(3, (4, 4), (2, 2))(x)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        for features in (64, 128, 256):
            x = nn.Conv(features, (4, 4), 2, use_bias=False)(x)
            x = nn.relu(norm(use_running_average=not train)(x))
        return nn.Dense(1)(x.reshape(x.shape[0], -1))


class DCGAN(nn.Module):
    def setup(self):
        self.generator, self.discriminator = Generator(), Discriminator()

    def __call__(self, z, train):
        return self.discriminate(self.generate(z, train), train)

    def prior(self, x):
        return jax.random.normal(self.make_rng("dropout"), (x.shape[0], 100))

    def generate(self, z, train):
        return self.generator(z, train)

    def discriminate(self, x, train):
        return self.discriminator(x, train)


class Autoencoder(nn.Module):
    def setup(self):
        self.encoder = [nn.Dense(width) for width in (1000, 500, 250, 30)]
        self.decoder = [nn.Dense(width) for width in (250, 500, 1000, 784)]

    def __call__(self, x, train):
        return self.decode(self.encode(x, train), train)

    def encode(self, x, train):
        return self._run(self.encoder, x.reshape(x.shape[0], -1))

    def decode(self, code, train):
        return self._run(self.decoder, code).reshape(-1, 28, 28, 1)

    def _run(self, layers, x):
        for layer in layers[:-1]:
            x = nn.relu(layer(x))
        return layers[-1](x)


NETWORKS = {
    "mlp": MLP,
    "lenet": LeNet,
    "strided_cnn": StridedCNN,
    "resnet20": ResNet20,
    "vgg11": VGG11,
    "densenet40": DenseNet40,
    "unet": UNet,
    "dcgan": DCGAN,
    "autoencoder": Autoencoder,
}
