import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const SCOPES = ['truck', 'container', 'wagon']
const BUNDLES = process.env.ALPR_NB_BUNDLES ?? '../../alpr_nb/bundles' // a folder with a bundle for each scope

/** Copies the bundles into the page's folder, and lists the page's files in its service worker. */
function staticFiles(): Plugin {
  return {
    name: 'static-files',
    apply: 'build',
    closeBundle() {
      const files = (readdirSync('dist', { recursive: true }) as string[]).map(f => f.replaceAll('\\', '/'))
        .filter(f => f.includes('.') && f !== 'sw.js').sort()
      const hash = createHash('sha256')
      for (const f of files) hash.update(f).update(readFileSync(join('dist', f)))
      const version = hash.digest('hex').slice(0, 16)
      const worker = readFileSync('src/page/sw.js', 'utf8')
      writeFileSync('dist/sw.js', worker.replace('VERSION', version).replace('["FILES"]', JSON.stringify(['./', ...files])))
      for (const scope of SCOPES) {
        if (existsSync(join(BUNDLES, scope))) cpSync(join(BUNDLES, scope), join('dist/bundles', scope), { recursive: true })
      }
    },
  }
}

export default defineConfig({
  base: './',
  build: { target: 'es2022', assetsInlineLimit: 0 },
  worker: { format: 'es' },
  plugins: [staticFiles()],
})
