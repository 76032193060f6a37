// The page without a network: its own files are stored when it is first opened. The models are stored by the worker.
const CACHE = 'alpr-nb-page-VERSION'
const FILES = ["FILES"]

self.addEventListener('install', event => {
  event.waitUntil(caches.open(CACHE).then(cache => cache.addAll(FILES)).then(() => self.skipWaiting()))
})

self.addEventListener('activate', event => {
  const isOld = name => name.startsWith('alpr-nb-page-') && name !== CACHE
  const clean = caches.keys().then(names => Promise.all(names.filter(isOld).map(name => caches.delete(name))))
  event.waitUntil(clean.then(() => self.clients.claim()))
})

self.addEventListener('fetch', event => {
  if (event.request.method !== 'GET') return
  event.respondWith(caches.open(CACHE).then(cache => cache.match(event.request)).then(found => found ?? fetch(event.request)))
})
